#include "deliver/channel_worker.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace tocsin {
namespace {

constexpr std::size_t kMaxResultMessage = 512;

}  // namespace

ChannelWorker::ChannelWorker(std::string name, std::shared_ptr<Channel> channel,
                             OutgoingPolicy policy, const Clock& clock, Done done)
    : name_(std::move(name)),
      channel_(std::move(channel)),
      clock_(clock),
      done_(std::move(done)),
      client_(std::move(policy)) {}

ChannelWorker::~ChannelWorker() {
  Close();
  Cancel();
  if (thread_.joinable()) thread_.join();
}

void ChannelWorker::Push(SendJob job) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      jobs_.push_back(std::move(job));
      if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
      changed_.notify_all();
      return;
    }
  }
  done_({.channel = name_, .id = job.id, .test = job.test, .attempted = false, .attempt = {}});
}

void ChannelWorker::GiveBack(const std::deque<SendJob>& jobs) {
  for (const SendJob& job : jobs) {
    done_({.channel = name_, .id = job.id, .test = job.test, .attempted = false, .attempt = {}});
  }
}

void ChannelWorker::TakeBack() {
  std::deque<SendJob> back;
  {
    const std::lock_guard lock(mutex_);
    const auto tests =
        std::ranges::stable_partition(jobs_, [](const SendJob& job) { return job.test; });
    back.assign(std::make_move_iterator(tests.begin()), std::make_move_iterator(tests.end()));
    jobs_.erase(tests.begin(), tests.end());
    changed_.notify_all();
  }
  GiveBack(back);
}

void ChannelWorker::Close() {
  std::deque<SendJob> back;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    back.swap(jobs_);
    changed_.notify_all();
  }
  GiveBack(back);
}

bool ChannelWorker::WaitIdle(std::int64_t timeout_us) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::microseconds(timeout_us),
                           [this] { return !busy_ && jobs_.empty(); });
}

void ChannelWorker::Cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  client_.Cancel();
}

void ChannelWorker::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const SendJob job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    SendOutcome outcome = Send(job);
    lock.lock();
    outcome.interrupted =
        cancelled_ && outcome.attempt.result.outcome == SendResult::Outcome::kRetry;
    lock.unlock();
    done_(std::move(outcome));
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

SendOutcome ChannelWorker::Send(const SendJob& job) {
  SendContext context = job.context;
  context.now_us = clock_.WallUs();
  const std::int64_t start_us = clock_.SteadyUs();
  SendOutcome outcome{.channel = name_, .id = job.id, .test = job.test, .attempt = {}};
  outcome.attempt.at_us = context.now_us;
  outcome.attempt.result = channel_->Send(job.message, context, client_);
  outcome.attempt.took_us = clock_.SteadyUs() - start_us;
  std::string& message = outcome.attempt.result.message;
  if (message.size() > kMaxResultMessage) message.resize(kMaxResultMessage);
  return outcome;
}

}  // namespace tocsin
