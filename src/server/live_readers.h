#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "server/live_frame.h"

namespace tocsin {

// The connection of one reader.
class LiveSocket {
 public:
  virtual ~LiveSocket() = default;
  enum class Sent : std::uint8_t { kDone, kLater, kFailed };
  // Sends the bytes whole. kLater: `on_sent` is called when it is gone or the connection is; until
  // then there is no other Send().
  virtual Sent Send(const LiveBytes& bytes) = 0;
  virtual void SetOnSent(std::function<void(bool ok)> on_sent) = 0;
  // `on_sent` is not called any more.
  virtual void Close() = 0;
};

// The readers of the live stream in one event loop. Who is slow gets the newest tick instead of
// those it missed, and a frame `skipped` that says so; queued frames are never left out: who has
// too many of them waiting, or takes none for too long, is dropped.
//
// Threads: none but the loop's.
class LiveReaders {
 public:
  static constexpr std::size_t kMaxQueue = 256;    // frames that wait for one reader
  static constexpr std::size_t kMaxRecent = 1024;  // frames that a reader who joins may still get
  static constexpr std::int64_t kHeartbeatUs = 10'000'000;

  struct Counts {
    std::size_t readers = 0;
    std::uint64_t skipped = 0;  // ticks that a reader missed
    std::uint64_t dropped = 0;
  };

  LiveReaders(const Clock& clock, std::int64_t stalled_us)
      : clock_(clock), stalled_us_(stalled_us), last_frame_us_(clock.SteadyUs()) {}

  void Add(std::shared_ptr<LiveSocket> socket, LiveStart start);
  void Tick(const LiveFrame& frame);
  void Queue(std::uint64_t number, const LiveFrame& frame);
  // About once a second: heartbeats, stalled readers, readers that may no longer read.
  void Sweep();
  void CloseAll();
  const Counts& counts() const { return counts_; }

 private:
  struct Reader {
    std::shared_ptr<LiveSocket> socket;
    std::function<bool()> allowed;
    LiveForm form;
    std::deque<LiveBytes> queue;
    LiveBytes tick;  // the newest that was not sent
    std::uint64_t missed = 0;
    bool sending = false;
    std::int64_t since_us = 0;  // when it began to send
  };
  using Readers = std::unordered_map<std::uint64_t, Reader>;

  template <class Visit>
  void ForEach(Visit visit);
  bool Advance(Reader& reader);
  LiveBytes TakeNext(Reader& reader);
  void OnSent(std::uint64_t id, bool ok);
  Readers::iterator Remove(Readers::iterator at);

  const Clock& clock_;
  const std::int64_t stalled_us_;
  Readers readers_;
  std::uint64_t last_id_ = 0;
  std::deque<std::pair<std::uint64_t, LiveFrame>> recent_;
  std::int64_t last_frame_us_;
  Counts counts_;
  LiveEncoder encoder_;
  const LiveFrame heartbeat_ = encoder_.Encode(": still here\n\n");
};

}  // namespace tocsin
