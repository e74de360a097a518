// The lifecycle against a model written from the semantics page: not a machine that moves from
// event to event but searches in the whole list of a device's events.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <ostream>
#include <vector>

#include "rule/alert_lifecycle.h"

namespace tocsin {
namespace {

struct Event {
  std::int64_t t = 0;
  int level = 0;
  bool clear = false;
};

struct Record {
  AlertTransition kind;
  std::size_t at;  // index of the deciding event
  int level;
  std::int64_t active_at, starts_at;
  std::uint32_t episode, event_count;
  bool operator==(const Record&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Record& record) {
  return out << static_cast<int>(record.kind) << " at " << record.at << " level " << record.level
             << " active " << record.active_at << " starts " << record.starts_at << " episode "
             << record.episode << " count " << record.event_count;
}

class Model {
 public:
  Model(const std::vector<Event>& events, const AlertTiming& timing)
      : events_(events), timing_(timing) {}

  std::vector<Record> Records() {
    std::size_t from = 0;
    while (from < events_.size()) {
      const std::size_t active = NextTrue(from);
      const std::size_t starts = FiresAt(active);
      if (active == events_.size()) break;
      if (starts == events_.size()) {  // never fires, or not in this pending phase
        from = NextNotTrue(active);
        continue;
      }
      from = Episode(active, starts) + 1;
    }
    return records_;
  }

 private:
  bool True(std::size_t i) const { return events_[i].level > 0; }
  bool Ends(std::size_t i) const { return timing_.has_clear ? events_[i].clear : !True(i); }
  bool HoldsOn(std::size_t i) const { return True(i) && !Ends(i); }

  std::size_t NextTrue(std::size_t i) const {
    while (i < events_.size() && !True(i)) ++i;
    return i;
  }
  std::size_t NextNotTrue(std::size_t i) const {
    while (i < events_.size() && True(i)) ++i;
    return i;
  }
  std::size_t FiresAt(std::size_t active) const {
    for (std::size_t i = active; i < events_.size() && True(i); ++i) {
      if (events_[i].t >= events_[active].t + timing_.for_us) return i;
    }
    return events_.size();
  }
  // Index of the event that resolves, or the number of events.
  std::size_t ResolvesAt(std::size_t starts) const {
    std::size_t i = starts + 1;
    while (true) {
      while (i < events_.size() && !Ends(i)) ++i;
      if (i == events_.size()) return i;
      const std::int64_t until = events_[i].t + timing_.keep_firing_for_us;
      while (i < events_.size() && !HoldsOn(i)) {
        if (events_[i].t >= until) return i;
        ++i;
      }
    }
  }
  std::size_t Episode(std::size_t active, std::size_t starts) {
    const std::size_t end = ResolvesAt(starts);
    const std::int64_t t = events_[starts].t;
    episode_ = !records_.empty() && records_.back().starts_at == t ? episode_ + 1 : 1;
    int level = events_[starts].level;
    for (std::size_t i = starts; i <= end && i < events_.size(); ++i) {
      AlertTransition kind = AlertTransition::kNone;
      if (i == starts) {
        kind = AlertTransition::kFiring;
      } else if (i == end) {
        kind = AlertTransition::kResolved;
      } else if (HoldsOn(i) && events_[i].level != level) {
        kind = AlertTransition::kLevel;
        level = events_[i].level;
      }
      if (kind == AlertTransition::kNone) continue;
      std::uint32_t count = 0;
      for (std::size_t k = active; k <= i; ++k) count += True(k) ? 1u : 0u;
      records_.push_back({kind, i, level, events_[active].t, t, episode_, count});
    }
    return end;
  }

  const std::vector<Event>& events_;
  const AlertTiming timing_;
  std::vector<Record> records_;
  std::uint32_t episode_ = 0;
};

std::vector<Record> Play(const std::vector<Event>& events, const AlertTiming& timing) {
  std::vector<Record> records;
  AlertInstance instance;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const AlertTransition kind = Advance(instance, timing,
                                         {.t_us = events[i].t,
                                          .level = static_cast<std::uint8_t>(events[i].level),
                                          .clear = events[i].clear,
                                          .is_event = true,
                                          .offset = static_cast<std::int64_t>(i)});
    if (kind != AlertTransition::kNone) {
      RC_ASSERT(events[static_cast<std::size_t>(instance.active_offset)].t ==
                instance.active_at_us);
      records.push_back({kind, i, instance.level, instance.active_at_us, instance.starts_at_us,
                         instance.episode, instance.event_count});
    }
    // Forgetting when allowed changes nothing.
    if (IsForgettable(instance, {}, events[i].t)) instance = {};
  }
  return records;
}

TEST(AlertModelTest, TheLifecycleEqualsTheModelOnAnyEvents) {
  const bool ok = rc::check([] {
    const AlertTiming timing{.for_us = *rc::gen::element(0, 0, 1, 3, 6),
                             .keep_firing_for_us = *rc::gen::element(0, 0, 1, 3, 6),
                             .has_clear = *rc::gen::arbitrary<bool>()};
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, bool>>>(
        rc::gen::tuple(rc::gen::element(0, 0, 1, 1, 2, 5), rc::gen::element(0, 0, 1, 1, 2, 3),
                       rc::gen::arbitrary<bool>()));
    std::vector<Event> events;
    std::int64_t t = 1'000;
    for (const auto& [gap, level, clear] : steps) {
      t += gap;
      events.push_back({t, level, clear});
    }
    const std::vector<Record> expected = Model(events, timing).Records();
    RC_CLASSIFY(!expected.empty(), "fires");
    RC_CLASSIFY(expected.size() > 3, "several records");
    RC_ASSERT(Play(events, timing) == expected);
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace tocsin
