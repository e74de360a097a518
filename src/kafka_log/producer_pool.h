#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "kafka_log/producer.h"

namespace tocsin {

// Producers of this process. Transactional ones have an id each: "<app>-<instance>-<n>", always the
// lowest that is free, so that a process that starts again ends the transactions that it left open.
// Thread-safe.
class ProducerPool {
 public:
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
  };
  void TakeBack(int number, std::unique_ptr<Producer> producer);

  const KafkaOptions& options_;
  const bool transactional_;
  std::mutex mutex_;
  std::set<int> lent_;
  std::vector<Idle> idle_;
};

}  // namespace tocsin
