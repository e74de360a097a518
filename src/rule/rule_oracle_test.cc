// The compiled rules against the naive implementation: random rules over random events in random
// batches, with restarts in between.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <map>
#include <memory>
#include <sstream>

#include "rule/naive_rules.h"
#include "rule/operation.h"
#include "rule/random_rules.h"
#include "rule/rule_memory.h"

namespace tocsin {
namespace {

// What a rule says at one row.
struct Said {
  int level = 0;
  bool clear = false;
  std::optional<double> value;
};

void CollectComparisons(const Node& node, std::vector<const Node*>& out) {
  if (node.kind == Node::Kind::kOperator && IsComparison(node.op) &&
      node.children[0]->type == ValueType::kNumber) {
    out.push_back(&node);
  }
  for (const auto& child : node.children) CollectComparisons(*child, out);
}

Said NaiveSaid(NaiveRules& naive, const RuleDefinition& rule, std::size_t row) {
  Said said;
  for (std::size_t l = 0; l < rule.levels.size(); ++l) {
    if (naive.At(*rule.levels[l].condition, row).truth.value_or(false)) {
      said.level = static_cast<int>(l) + 1;
    }
  }
  if (rule.clear) said.clear = naive.At(*rule.clear, row).truth.value_or(false);
  std::vector<const Node*> comparisons;
  CollectComparisons(
      *rule.levels[said.level == 0 ? 0 : static_cast<std::size_t>(said.level) - 1].condition,
      comparisons);
  for (const Node* comparison : comparisons) {
    if (said.level > 0 && !naive.At(*comparison, row).truth.value_or(false)) continue;
    said.value = naive.At(*comparison->children[0], row).number;
    break;
  }
  return said;
}

bool SameNumber(std::optional<double> expected, double actual) {
  if (!expected || std::isnan(*expected)) return std::isnan(actual);
  if (*expected == actual) return true;
  return std::abs(*expected - actual) <= 1e-9 * (std::abs(*expected) + 1e-3);
}

// A partition's rules over its life: state that is flushed now and then, restarts from it under
// other device codes.
class Partition {
 public:
  Partition(const RuleSet& rules, RandomSource& random)
      : rules_(rules), random_(random), memory_(std::make_unique<RuleMemory>(rules)) {}

  RuleMemory& memory() { return *memory_; }
  std::uint32_t CodeOf(std::uint32_t device) const { return device ^ mask_; }

  void MaybeRestart() {
    if (random_.NextBelow(3) != 0) return;
    memory_->Flush(random_.NextBelow(3) == 0,
                   [&](std::uint32_t code, std::string_view key, std::string_view value) {
                     const std::pair place(code ^ mask_, std::string(key));
                     if (value.empty()) {
                       state_.erase(place);
                     } else {
                       state_[place] = value;
                     }
                   });
    if (random_.NextBelow(2) != 0) return;
    mask_ = static_cast<std::uint32_t>(random_.NextBelow(4));
    memory_ = std::make_unique<RuleMemory>(rules_);
    for (const auto& [place, value] : state_) {
      RC_ASSERT(memory_->Restore(CodeOf(place.first), place.second, value));
    }
    memory_->FinishRestore();
    RC_ASSERT(!memory_->stale());
  }

 private:
  const RuleSet& rules_;
  RandomSource& random_;
  std::unique_ptr<RuleMemory> memory_;
  std::map<std::pair<std::uint32_t, std::string>, std::string> state_;
  std::uint32_t mask_ = 0;
};

Said CompiledSaid(const RuleMemory& memory, const RuleOutcome& outcome, std::size_t rule,
                  std::size_t row) {
  Said said;
  said.level = (outcome.Row(row)[rule / 64] >> (rule % 64) & 1) != 0 ? 1 : 0;
  if (!outcome.level[rule].empty()) {
    RC_ASSERT((outcome.level[rule][row] != 0) == (said.level != 0));
    said.level = outcome.level[rule][row];
  }
  if (!outcome.clear[rule].empty()) said.clear = outcome.clear[rule][row] != 0;
  said.value = memory.Value(rule, row, static_cast<std::size_t>(said.level));
  return said;
}

std::string Told(const RuleSet& rules, std::size_t rule, const std::vector<NaiveEvent>& events,
                 std::size_t row) {
  std::ostringstream out;
  for (const RuleLevel& level : rules.rule(rule).levels) {
    out << CanonicalText(*level.condition) << '\n';
  }
  if (rules.rule(rule).clear) out << "clear: " << CanonicalText(*rules.rule(rule).clear) << '\n';
  for (std::size_t i = 0; i <= row; ++i) {
    const NaiveEvent& event = events[i];
    if (event.device != events[row].device) continue;
    out << event.t_us % 1'000'000'000 << (event.in_order ? "" : " late");
    for (const auto& metric : event.metrics) {
      out << ' ' << (metric ? std::to_string(*metric) : "null");
    }
    out << ' ' << event.status.value_or("null") << '\n';
  }
  return out.str();
}

std::vector<RuleSource> RandomRules(RandomSource& random) {
  ExpressionWriter writer(random);
  std::vector<RuleSource> texts(1 + random.NextBelow(4));
  for (RuleSource& text : texts) {
    const std::uint64_t levels = random.NextBelow(4) == 0 ? 2 : 1;
    for (std::uint64_t l = 0; l < levels; ++l) text.levels.push_back(writer.Truth(3));
    if (random.NextBelow(4) == 0) text.clear = writer.Truth(2);
  }
  return texts;
}

void CompareOnce(std::uint64_t seed) {
  SeededRandom random(seed);
  const FakeLabels labels = RandomLabels(random);
  std::string mistakes;
  // Windows of metrics that are required are kept together.
  const std::vector<MetricSpec> metrics = ThreeMetrics(random.NextBelow(2) == 0);
  const RuleSet rules = RulesOf(RandomRules(random), &labels, mistakes, metrics);
  RC_ASSERT(mistakes == "");
  const std::vector<NaiveEvent> events = RandomEvents(random, metrics, 1 + random.NextBelow(50));
  std::vector<NaiveRules> naive(rules.size(), NaiveRules(events, &labels));
  Partition partition(rules, random);
  for (std::size_t begin = 0; begin < events.size();) {
    const std::size_t count =
        std::min<std::size_t>(1 + random.NextBelow(20), events.size() - begin);
    std::vector<NaiveEvent> part(events.begin() + static_cast<std::ptrdiff_t>(begin),
                                 events.begin() + static_cast<std::ptrdiff_t>(begin + count));
    for (NaiveEvent& event : part) event.device = partition.CodeOf(event.device);
    const EventTable table(part, random.NextBelow(2) == 0);
    const RuleOutcome& outcome =
        partition.memory().Evaluate(table.batch, table.batch_rows, table.rows());
    for (std::size_t rule = 0; rule < rules.size(); ++rule) {
      for (std::size_t row = 0; row < count; ++row) {
        const Said expected = NaiveSaid(naive[rule], rules.rule(rule), begin + row);
        if (naive[rule].doubtful()) break;
        const Said actual = CompiledSaid(partition.memory(), outcome, rule, row);
        if (expected.level == actual.level && expected.clear == actual.clear &&
            SameNumber(expected.value, *actual.value)) {
          continue;
        }
        std::ostringstream what;
        what << "seed " << seed << ": level " << actual.level << " for " << expected.level
             << ", clear " << actual.clear << " for " << expected.clear << ", value "
             << *actual.value << " for " << expected.value.value_or(NAN) << '\n'
             << Told(rules, rule, events, begin + row);
        RC_FAIL(what.str());
      }
    }
    begin += count;
    partition.MaybeRestart();
  }
}

TEST(RuleOracleTest, TheCompiledRulesSayWhatTheNaiveOnesSay) {
  EXPECT_TRUE(rc::check([] {
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
    // Many small cases a seed: rules and events are drawn from it.
    for (std::uint64_t i = 0; i < 10; ++i) CompareOnce(seed + i);
  }));
}

}  // namespace
}  // namespace tocsin
