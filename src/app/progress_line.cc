#include "app/progress_line.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "app/session.h"
#include "base/logging.h"
#include "base/text.h"

namespace tocsin {
namespace {

constexpr std::int64_t kRedrawUs = 100'000;
constexpr std::int64_t kMessageUs = 5'000'000;
constexpr int kBarCells = 24;

bool WantsColour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

std::string Bar(double part) {
  const int full = static_cast<int>(part * kBarCells);
  std::string bar;
  for (int i = 0; i < kBarCells; ++i) bar += i < full ? "━" : i == full ? "╸" : " ";
  return bar;
}

}  // namespace

ProgressLine::ProgressLine(std::string what, std::string unit, const Clock& clock)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      clock_(clock),
      terminal_(MessagesOnTerminal()),
      colour_(WantsColour()),
      start_us_(clock.SteadyUs()),
      shown_us_(start_us_) {}

bool ProgressLine::Due() {
  const std::int64_t now_us = clock_.SteadyUs();
  if (now_us - shown_us_ < (terminal_ ? kRedrawUs : kMessageUs)) return false;
  shown_us_ = now_us;
  return true;
}

void ProgressLine::Update(std::uint64_t done, std::uint64_t part, std::uint64_t whole) {
  if (!Due()) return;
  const double seconds = static_cast<double>(shown_us_ - start_us_) / 1e6;
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(done) / seconds);
  const double share =
      whole > 0 ? static_cast<double>(part < whole ? part : whole) / static_cast<double>(whole) : 0;
  const std::string percent = std::to_string(static_cast<int>(share * 100)) + "%";
  if (!terminal_) {
    if (whole > 0) {
      LogInfo(
          what_, "working",
          {{unit_, std::to_string(done)}, {"per_second", std::to_string(rate)}, {"done", percent}});
    } else {
      LogInfo(what_, "working",
              {{unit_, std::to_string(done)}, {"per_second", std::to_string(rate)}});
    }
    return;
  }
  std::string text = what_ + "  ";
  if (whole > 0) {
    text += colour_ ? "\x1b[36m" + Bar(share) + "\x1b[0m" : Bar(share);
    text += " " + percent + "  ";
  }
  text += Grouped(done) + " " + unit_ + "  " + Grouped(rate) + "/s";
  Show(text);
}

void ProgressLine::Show(std::string_view text) {
  if (!terminal_) return;
  // The cursor stays at the line's head, so that a message replaces the line.
  std::fprintf(stderr, "\r\x1b[K%.*s\r", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::Clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace tocsin
