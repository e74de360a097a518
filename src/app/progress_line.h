#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace tocsin {

// Shows on standard error how far a long piece of work is: a bar on a terminal, redrawn a few
// times a second, and elsewhere one message every few seconds. Threads: one at a time.
class ProgressLine {
 public:
  // `what` names the work ("ingest"), `unit` what is counted ("lines").
  ProgressLine(std::string what, std::string unit, const Clock& clock);
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `done` of the unit so far; `part` of `whole` is how far the work is, `whole` 0 = not known.
  void Update(std::uint64_t done, std::uint64_t part = 0, std::uint64_t whole = 0);
  // Replaces the line by any text; on a terminal only.
  void Show(std::string_view text);
  // Takes the line off the terminal.
  void Clear();
  bool on_terminal() const { return terminal_; }

 private:
  bool Due();

  const std::string what_;
  const std::string unit_;
  const Clock& clock_;
  const bool terminal_;
  const bool colour_;
  const std::int64_t start_us_;
  std::int64_t shown_us_;
  bool drawn_ = false;
};

}  // namespace tocsin
