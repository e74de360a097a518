#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "template/notification_view.h"
#include "template/template_tree.h"

namespace tocsin {

// What an expression gave. Its alternative is the one that its ValueType says; a scalar is one of
// the first three.
struct TemplateValue {
  struct Time {
    std::int64_t us = 0;  // 0 = none
  };
  struct Pair {
    std::string name, value;
  };
  struct Alerts {
    std::vector<std::size_t> indexes;
  };
  struct Alert {
    std::size_t index = 0;  // beyond the alerts: one without anything
  };
  struct Root {};
  using Texts = std::vector<std::string>;
  using Pairs = std::vector<Pair>;
  using Map = std::shared_ptr<const LabelMap>;

  std::variant<std::string, double, bool, Time, Texts, Map, Pairs, Pair, Alerts, Alert, Root> data;

  bool truth() const;
  std::string ToText() const;
  // About how many bytes it holds: what evaluating it cost.
  std::size_t size() const;
};

// One expansion: what it is about, and how much work it may still do.
struct TemplateRun {
  const NotificationView& view;
  std::size_t work_left;

  // False when the work is used up: values are empty from then on.
  bool Charge(std::size_t amount) {
    work_left -= std::min(work_left, amount);
    return work_left > 0;
  }
};

// Of one invocation of a template.
struct TemplateFrame {
  std::vector<TemplateValue> dots;  // 0 = the notification, the last is where evaluation stands
  std::vector<TemplateValue> variables;
};

TemplateValue Evaluate(const Expression& expression, const TemplateFrame& frame, TemplateRun& run);

// The parts of it.
TemplateValue MemberOf(const TemplateValue& value, Field field, const std::string& key,
                       const TemplateRun& run);
TemplateValue CallFunction(const Expression& call, std::vector<TemplateValue> values);
// The elements of a list, each with its key: the name of a map's entry, else its number.
std::vector<std::pair<TemplateValue, TemplateValue>> ElementsOf(const TemplateValue& list);

}  // namespace tocsin
