#include "kafka_log/producer_pool.h"

#include <algorithm>
#include <utility>

namespace tocsin {
namespace {

constexpr std::int64_t kRestUs = 50'000;

}  // namespace

ProducerPool::Loan::Loan(Loan&& other) noexcept {
  *this = std::move(other);
}

ProducerPool::Loan& ProducerPool::Loan::operator=(Loan&& other) noexcept {
  if (this == &other) return *this;
  Return();
  pool_ = std::exchange(other.pool_, nullptr);
  number_ = other.number_;
  reports_ = other.reports_;
  id_ = std::move(other.id_);
  producer_ = std::move(other.producer_);
  return *this;
}

void ProducerPool::Loan::Return() {
  if (pool_ == nullptr) return;
  std::exchange(pool_, nullptr)->TakeBack(number_, std::move(producer_));
}

Status ProducerPool::Loan::Renew() {
  if (producer_ != nullptr) return {};
  TOCSIN_ASSIGN(producer_, Producer::Make(pool_->options_, id_, reports_));
  return {};
}

bool ProducerPool::IsRested(const Idle& idle) const {
  return clock_.SteadyUs() - idle.since_us >= kRestUs;
}

ProducerPool::Loan ProducerPool::Take(bool reports) {
  const std::lock_guard lock(mutex_);
  Loan loan;
  const auto fit = [&](const Idle& idle) { return idle.producer->reports() == reports; };
  const auto fits = std::ranges::find_if(idle_, fit);
  const bool rested = fits != idle_.end() && (!transactional_ || IsRested(*fits) ||
                                              std::ranges::count_if(idle_, fit) >= kTurns);
  if (rested) {
    loan.number_ = fits->number;
    loan.producer_ = std::move(fits->producer);
    idle_.erase(fits);
  } else {
    const auto taken = [&](int number) {
      return lent_.contains(number) ||
             std::ranges::find(idle_, number, &Idle::number) != idle_.end();
    };
    while (taken(loan.number_)) ++loan.number_;
  }
  lent_.insert(loan.number_);
  loan.pool_ = this;
  loan.reports_ = reports;
  if (transactional_) {
    loan.id_ = options_.app_id + "-" + options_.instance_id + "-" + std::to_string(loan.number_);
  }
  return loan;
}

void ProducerPool::TakeBack(int number, std::unique_ptr<Producer> producer) {
  const std::lock_guard lock(mutex_);
  lent_.erase(number);
  if (producer != nullptr) idle_.push_back({number, std::move(producer), clock_.SteadyUs()});
}

}  // namespace tocsin
