#include "rule_file/rule_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "config/units.h"
#include "rule_file/annotation.h"
#include "rule_file/rule_file.h"

namespace tocsin {
namespace {

constexpr std::int64_t kLongestUs = 400LL * 86'400'000'000;
constexpr std::size_t kMaxNameBytes = 200;
constexpr auto kRuleKeys = std::to_array<std::string_view>(
    {"alert", "expr", "for", "keep_firing_for", "severity", "levels", "clear_expr", "no_data",
     "flap", "labels", "annotations"});

bool IsAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// [A-Za-z_] and then letters, digits, _ and those of `more`.
bool IsName(std::string_view name, std::string_view more) {
  return !name.empty() && IsAlpha(name[0]) && std::ranges::all_of(name, [&](char c) {
    return IsAlpha(c) || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
  });
}

}  // namespace

void RuleReader::Fail(SourcePlace place, std::string message) {
  diagnostics_.push_back({place, std::move(message)});
}

void RuleReader::UnknownKey(const YamlTree::Pair& pair, std::string_view where,
                            std::span<const std::string_view> known) {
  std::string message = "unknown key `" + pair.key + "` in " + std::string(where);
  const std::string_view nearest = Nearest(pair.key, known);
  if (!nearest.empty()) {
    message += "; did you mean `" + std::string(nearest) + "`?";
  } else {
    message += "; known are ";
    for (const std::string_view key : known) {
      if (key != known.front()) message += ", ";
      message += key;
    }
  }
  Fail(pair.place, std::move(message));
}

const std::string* RuleReader::Scalar(const YamlTree::Pair& pair) {
  if (pair.value->kind == YamlTree::Kind::kScalar) return &pair.value->text;
  Fail(pair.place, "`" + pair.key + "` must have a single value");
  return nullptr;
}

std::optional<std::int64_t> RuleReader::Duration(const YamlTree::Pair& pair) {
  const std::string* text = Scalar(pair);
  if (text == nullptr) return std::nullopt;
  const Result<std::int64_t> us = ParseDurationUs(*text);
  if (us && *us <= kLongestUs) return *us;
  Fail(pair.value->place,
       "`" + pair.key +
           "`: " + (us ? "duration '" + *text + "' is longer than 400d" : us.error().message()));
  return std::nullopt;
}

std::optional<RuleDefinition> RuleReader::Read(const YamlTree& rule, const std::string& group) {
  rule_ = RuleDefinition();
  rule_.group = group;
  rule_.place = rule.place;
  condition_ = nullptr;
  severity_.reset();
  expr_place_ = levels_place_ = severity_place_ = {};
  if (rule.kind != YamlTree::Kind::kMapping) {
    Fail(rule.place, "a rule must be a mapping with `alert` and `expr`");
    return std::nullopt;
  }
  const auto record = std::ranges::find(rule.pairs, "record", &YamlTree::Pair::key);
  if (record != rule.pairs.end()) {
    Fail(record->place,
         "recording rules (`record`) do not exist here; write its expression into "
         "the rules that use it");
    return std::nullopt;
  }
  const std::size_t before = diagnostics_.size();
  for (const YamlTree::Pair& pair : rule.pairs) ReadKey(pair);
  Complete(rule);
  if (diagnostics_.size() != before) return std::nullopt;
  rule_.version = RuleVersion(rule_);
  return std::move(rule_);
}

void RuleReader::ReadKey(const YamlTree::Pair& pair) {
  if (pair.key == "alert") {
    ReadName(pair);
  } else if (pair.key == "expr") {
    expr_place_ = pair.place;
    condition_ = ReadExpression(pair);
  } else if (pair.key == "clear_expr") {
    rule_.clear = ReadExpression(pair);
  } else if (pair.key == "for") {
    rule_.for_us = Duration(pair).value_or(0);
  } else if (pair.key == "keep_firing_for") {
    rule_.keep_firing_for_us = Duration(pair).value_or(0);
  } else if (pair.key == "severity") {
    severity_place_ = pair.place;
    const auto read = ReadSeverity(*pair.value, pair.place, "`severity`");
    if (read && severity_ && *severity_ != *read) {
      Fail(pair.place, "`severity` and labels.severity differ; keep one of them");
    }
    if (read) severity_ = read;
  } else if (pair.key == "levels") {
    ReadLevels(pair);
  } else if (pair.key == "no_data") {
    ReadNoData(pair);
  } else if (pair.key == "flap") {
    ReadFlap(pair);
  } else if (pair.key == "labels") {
    ReadLabels(pair);
  } else if (pair.key == "annotations") {
    ReadAnnotations(pair);
  } else {
    UnknownKey(pair, "a rule", kRuleKeys);
  }
}

void RuleReader::ReadName(const YamlTree::Pair& pair) {
  const std::string* name = Scalar(pair);
  if (name == nullptr) return;
  rule_.place = pair.place;
  rule_.name = *name;
  rule_.flag_column = "is_" + *name;
  if (!IsName(*name, ":.-") || name->size() > kMaxNameBytes) {
    Fail(pair.value->place, "rule name `" + *name +
                                "` must be 1 to 200 letters, digits and _ : . - and begin with a "
                                "letter or _");
    return;
  }
  const auto [earlier, fresh] = names_.emplace(*name, pair.place);
  if (!fresh) {
    Fail(pair.value->place, "rule `" + *name + "` is already defined at line " +
                                std::to_string(earlier->second.line) + "; names are unique");
  }
  const bool taken =
      rule_.flag_column == "is_alert" ||
      std::ranges::find(metrics_, rule_.flag_column, &MetricSpec::name) != metrics_.end();
  if (taken) {
    Fail(pair.value->place, "rule `" + *name + "` would take the column " + rule_.flag_column +
                                " of the batch output, which exists already; choose another name");
  }
}

std::unique_ptr<const Node> RuleReader::ReadExpression(const YamlTree::Pair& pair) {
  const std::string* text = Scalar(pair);
  if (text == nullptr) return nullptr;
  return ParseExpression(*text, lines_.PlacesOfScalar(pair.value->place, *text), ValueType::kTruth,
                         metrics_, diagnostics_);
}

std::optional<Severity> RuleReader::ReadSeverity(const YamlTree& value, SourcePlace place,
                                                 std::string_view what) {
  const bool scalar = value.kind == YamlTree::Kind::kScalar;
  const std::optional<Severity> severity =
      scalar ? ParseSeverity(value.text) : std::optional<Severity>();
  if (!severity) {
    Fail(scalar ? value.place : place, std::string(what) +
                                           (scalar ? " is `" + value.text + "`" : "") +
                                           "; it must be info, warning or critical");
  }
  return severity;
}

void RuleReader::ReadLevels(const YamlTree::Pair& pair) {
  levels_place_ = pair.place;
  if (pair.value->kind != YamlTree::Kind::kMapping || pair.value->pairs.empty()) {
    Fail(pair.place,
         "`levels` must be a mapping of severities to expressions, as in "
         "{warning: temperature >= 50, critical: temperature >= 70}");
    return;
  }
  if (pair.value->pairs.size() > 8) {
    Fail(pair.place, "`levels` has too many entries; levels are info, warning, critical");
    return;
  }
  for (const YamlTree::Pair& level : pair.value->pairs) {
    const std::optional<Severity> severity = ParseSeverity(level.key);
    if (!severity) {
      Fail(level.place, "unknown level `" + level.key + "`; levels are info, warning, critical");
    }
    auto condition = ReadExpression(level);
    if (severity) rule_.levels.push_back({*severity, std::move(condition)});
  }
  std::ranges::sort(rule_.levels, {}, &RuleLevel::severity);
}

void RuleReader::ReadNoData(const YamlTree::Pair& pair) {
  static constexpr auto kKeys = std::to_array<std::string_view>({"after", "state"});
  static constexpr std::array<std::pair<std::string_view, NoData::State>, 3> kStates = {
      {{"alerting", NoData::State::kAlerting},
       {"resolve", NoData::State::kResolve},
       {"keep", NoData::State::kKeep}}};
  if (pair.value->kind != YamlTree::Kind::kMapping) {
    Fail(pair.place, "`no_data` must be a mapping such as {after: 10m, state: resolve}");
    return;
  }
  bool after = false;
  for (const YamlTree::Pair& field : pair.value->pairs) {
    if (field.key == "after") {
      after = true;
      const std::optional<std::int64_t> us = Duration(field);
      if (us && *us == 0) Fail(field.value->place, "`after` must be above 0");
      rule_.no_data.after_us = us.value_or(0);
    } else if (field.key == "state") {
      const std::string* text = Scalar(field);
      if (text == nullptr) continue;
      const auto* state = std::ranges::find(kStates, *text, &decltype(kStates)::value_type::first);
      if (state != kStates.end()) {
        rule_.no_data.state = state->second;
      } else {
        Fail(field.value->place,
             "`state` is `" + *text + "`; it must be alerting, resolve or keep");
      }
    } else {
      UnknownKey(field, "`no_data`", kKeys);
    }
  }
  if (!after && rule_.no_data.state != NoData::State::kKeep) {
    Fail(pair.place, "`no_data` needs `after`: how long a device must be silent, such as 10m");
  }
}

void RuleReader::ReadFlap(const YamlTree::Pair& pair) {
  static constexpr auto kKeys = std::to_array<std::string_view>({"window", "max_transitions"});
  if (pair.value->kind == YamlTree::Kind::kScalar &&
      (pair.value->text == "off" || pair.value->text == "false")) {
    rule_.flap = {0, 0};
    return;
  }
  if (pair.value->kind != YamlTree::Kind::kMapping) {
    Fail(pair.place, "`flap` must be off or a mapping such as {window: 15m, max_transitions: 6}");
    return;
  }
  for (const YamlTree::Pair& field : pair.value->pairs) {
    if (field.key == "window") {
      const std::optional<std::int64_t> us = Duration(field);
      if (us && *us == 0) Fail(field.value->place, "`window` must be above 0; write flap: off");
      rule_.flap.window_us = us.value_or(1);
    } else if (field.key == "max_transitions") {
      ReadFlapLimit(field);
    } else {
      UnknownKey(field, "`flap`", kKeys);
    }
  }
}

void RuleReader::ReadFlapLimit(const YamlTree::Pair& pair) {
  const std::string* text = Scalar(pair);
  if (text == nullptr) return;
  std::uint32_t number = 0;
  const char* last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, number);
  if (error == std::errc() && end == last && number >= 1 && number <= 1000) {
    rule_.flap.max_transitions = number;
    return;
  }
  Fail(pair.value->place,
       "`max_transitions` is `" + *text + "`; it must be a whole number from 1 to 1000");
}

bool RuleReader::IsTextMap(const YamlTree::Pair& pair) {
  if (pair.value->kind == YamlTree::Kind::kNull) return false;
  if (pair.value->kind != YamlTree::Kind::kMapping) {
    Fail(pair.place, "`" + pair.key + "` must be a mapping of names to texts");
    return false;
  }
  if (pair.value->pairs.size() <= kMaxRuleTexts) return true;
  Fail(pair.place, "`" + pair.key + "` has " + std::to_string(pair.value->pairs.size()) +
                       " entries; at most " + std::to_string(kMaxRuleTexts) + " are taken");
  return false;
}

void RuleReader::ReadLabels(const YamlTree::Pair& pair) {
  if (!IsTextMap(pair)) return;
  for (const YamlTree::Pair& label : pair.value->pairs) {
    if (label.key != "severity") {
      ReadLabel(label);
      continue;
    }
    const auto read = ReadSeverity(*label.value, label.place, "labels.severity");
    if (read && severity_ && *severity_ != *read) {
      Fail(label.place, "`severity` and labels.severity differ; keep one of them");
    }
    if (severity_place_.line == 0) severity_place_ = label.place;
    if (read && !severity_) severity_ = read;
  }
}

void RuleReader::ReadLabel(const YamlTree::Pair& label) {
  const std::string* text = Scalar(label);
  if (!IsName(label.key, "")) {
    Fail(label.place,
         "label name `" + label.key + "` must be letters, digits and _ and not begin with a digit");
  } else if (label.key == "alertname" || label.key == "device_id") {
    Fail(label.place, "label `" + label.key + "` is set by the alert itself; choose another name");
  } else if (text != nullptr && text->find("{{") != std::string::npos) {
    Fail(label.value->place,
         "label `" + label.key + "` holds `{{`; labels are plain text, annotations are templates");
  } else if (text != nullptr && text->size() > kMaxAnnotationBytes) {
    Fail(label.value->place, "label `" + label.key + "` has " + std::to_string(text->size()) +
                                 " bytes; at most " + std::to_string(kMaxAnnotationBytes) +
                                 " are taken");
  } else if (text != nullptr) {
    rule_.labels[label.key] = *text;
  }
}

void RuleReader::ReadAnnotations(const YamlTree::Pair& pair) {
  if (!IsTextMap(pair)) return;
  for (const YamlTree::Pair& annotation : pair.value->pairs) {
    const std::string* text = Scalar(annotation);
    if (text == nullptr) continue;
    if (!IsName(annotation.key, "")) {
      Fail(annotation.place, "annotation name `" + annotation.key +
                                 "` must be letters, digits and _ and not begin with a digit");
    }
    AnnotationTemplate parsed;
    AnnotationMistake mistake;
    if (!AnnotationTemplate::Parse(*text, metrics_, parsed, mistake)) {
      Fail(lines_.PlacesOfScalar(annotation.value->place, *text)(mistake.offset),
           "annotation `" + annotation.key + "`: " + mistake.message);
    }
    rule_.annotations[annotation.key] = *text;
  }
}

// What only the keys together can say.
void RuleReader::Complete(const YamlTree& rule) {
  const bool named = std::ranges::any_of(
      rule.pairs, [](const YamlTree::Pair& pair) { return pair.key == "alert"; });
  if (!named) Fail(rule.place, "a rule needs its name in `alert`");
  const bool has_expr = expr_place_.line != 0;
  const bool has_levels = levels_place_.line != 0;
  if (has_expr && has_levels) {
    Fail(levels_place_, "a rule has either `expr` or `levels`, not both");
  } else if (!has_expr && !has_levels) {
    Fail(rule.place, "a rule needs `expr` or `levels`");
  }
  if (has_levels && severity_place_.line != 0) {
    Fail(severity_place_, "the severity of a rule with `levels` is its level; leave this out");
  }
  if (has_expr && !has_levels) {
    rule_.levels.push_back({severity_.value_or(Severity::kWarning), std::move(condition_)});
  }
}

}  // namespace tocsin
