#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "channels/channel.h"
#include "deliver/outbox.h"
#include "http/http_client.h"

namespace tocsin {

struct SendJob {
  std::string id;
  RenderedMessage message;
  SendContext context;
  bool test = false;  // no row stands behind it
};

struct SendOutcome {
  std::string channel;
  std::string id;
  bool test = false;
  bool attempted = true;     // false: the worker was closed before it began
  bool interrupted = false;  // the worker was cancelled while it was under way
  Delivery::Attempt attempt;
};

// Sends the jobs of one channel, one after the other, in a thread of its own that starts with the
// first job. Every job gives exactly one outcome, by calling `done` from that thread (or from
// Close's).
//
// Threads: the methods by one thread.
class ChannelWorker {
 public:
  using Done = std::function<void(SendOutcome)>;
  ChannelWorker(std::string name, std::shared_ptr<Channel> channel, OutgoingPolicy policy,
                const Clock& clock, Done done);
  ~ChannelWorker();  // Close, Cancel, and waits for the thread
  ChannelWorker(const ChannelWorker&) = delete;
  ChannelWorker& operator=(const ChannelWorker&) = delete;

  // The owner bounds the number of jobs.
  void Push(SendJob job);
  // Jobs that are not begun come back unattempted; tests stay.
  void TakeBack();
  // No more jobs: those not begun come back unattempted. The one under way goes on.
  void Close();
  // Waits (in real time) until nothing is under way; false when that takes longer.
  bool WaitIdle(std::int64_t timeout_us);
  // Ends the request under way.
  void Cancel();

 private:
  void Run();
  void GiveBack(const std::deque<SendJob>& jobs);
  SendOutcome Send(const SendJob& job);

  const std::string name_;
  const std::shared_ptr<Channel> channel_;
  const Clock& clock_;
  const Done done_;
  HttpClient client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SendJob> jobs_;
  bool busy_ = false;
  bool closed_ = false;
  bool cancelled_ = false;
  std::thread thread_;
};

}  // namespace tocsin
