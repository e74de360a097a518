#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tocsin {

// Requests of other threads to the thread that owns some state. At most kMaxWaiting wait.
//
// Threads: Ask from any; the rest by the owner's.
class DeskQueue {
 public:
  static constexpr std::size_t kMaxWaiting = 256;

  // Called with the answer, once, from any thread.
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  void SetWaker(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }

  // Has `work` called by the owner, and waits for the answer it gives to its argument.
  template <class T>
  Result<T> Ask(std::function<void(std::int64_t now_us, Answer<T>)> work, std::int64_t timeout_us) {
    const auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    const auto answered = std::make_shared<std::once_flag>();
    const Answer<T> answer = [promise, answered](Result<T> result) {
      std::call_once(*answered, [&] { promise->set_value(std::move(result)); });
    };
    TOCSIN_TRY(
        Put({.run = [work = std::move(work), answer](std::int64_t now_us) { work(now_us, answer); },
             .fail = [answer](const Error& error) { answer(std::unexpected(error)); }}));
    if (future.wait_for(std::chrono::microseconds(timeout_us)) != std::future_status::ready) {
      return Fail(Code::kUnavailable, "the delivery does not answer; try again");
    }
    return future.get();
  }

  // Runs what waits.
  void Run(std::int64_t now_us) {
    for (Request& request : Take()) request.run(now_us);
  }
  // The answers of changes: given when the change is durable.
  void AfterCommit(std::function<void()> give) { after_commit_.push_back(std::move(give)); }
  void Committed() {
    for (const auto& give : std::exchange(after_commit_, {})) give();
  }
  // Answers everything, now and from here on, with the error.
  void Close(const Error& error) {
    {
      const std::lock_guard lock(mutex_);
      closed_ = std::make_unique<Error>(error);
    }
    for (Request& request : Take()) request.fail(error);
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return waiting_.empty() && after_commit_.empty();
  }

 private:
  struct Request {
    std::function<void(std::int64_t)> run;
    std::function<void(const Error&)> fail;
  };
  Status Put(Request request) {
    const std::lock_guard lock(mutex_);
    if (closed_ != nullptr) return std::unexpected(*closed_);
    if (waiting_.size() >= kMaxWaiting) {
      return Fail(Code::kResourceExhausted, "too many requests wait; try again");
    }
    waiting_.push_back(std::move(request));
    if (wake_) wake_();
    return {};
  }
  std::deque<Request> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }

  std::mutex mutex_;
  std::deque<Request> waiting_;
  std::function<void()> wake_;
  std::unique_ptr<Error> closed_;
  std::vector<std::function<void()>> after_commit_;  // the owner's
};

}  // namespace tocsin
