#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kafka_log/producer.h"

namespace tocsin {

// Producers of this process. Transactional ones have an id each: "<app>-<instance>-<n>", always the
// lowest that is free, so that a process that starts again ends the transactions that it left open.
//
// A transaction goes on ending on the brokers for a moment after its commit is certain, and the
// next one of the same producer would wait for that (librdkafka: in steps of 20 ms). So
// transactions that follow each other closely are given kTurns producers in turn. Thread-safe.
class ProducerPool {
 public:
  static constexpr int kTurns = 2;

  ProducerPool(const KafkaOptions& options, bool transactional)
      : options_(options), transactional_(transactional) {}

  // A producer and its id, lent until the end of this object.
  class Loan {
   public:
    Loan() = default;
    Loan(Loan&& other) noexcept;
    Loan& operator=(Loan&& other) noexcept;
    ~Loan() { Return(); }
    Producer* operator->() const { return producer_.get(); }
    explicit operator bool() const { return producer_ != nullptr; }
    const std::string& id() const { return id_; }
    // Destroys the producer at once: something failed. The id stays lent.
    void Discard() { producer_.reset(); }
    // A new producer of the same id, unless there is one. When it is there, what the old one left
    // open has ended, one way or the other.
    Status Renew();
    // Gives producer and id back.
    void Return();

   private:
    friend class ProducerPool;
    ProducerPool* pool_ = nullptr;
    int number_ = 0;
    bool reports_ = false;
    std::string id_;
    std::unique_ptr<Producer> producer_;
  };
  // Makes no producer unless there is an idle one: see Renew().
  Loan Take(bool reports);

 private:
  struct Idle {
    int number;
    std::unique_ptr<Producer> producer;
    std::int64_t since_us;  // steady clock
  };
  bool IsRested(const Idle& idle) const;
  void TakeBack(int number, std::unique_ptr<Producer> producer);

  const KafkaOptions& options_;
  const bool transactional_;
  const SystemClock clock_;
  std::mutex mutex_;
  std::set<int> lent_;
  std::vector<Idle> idle_;  // the one that has been idle the longest first
};

}  // namespace tocsin
