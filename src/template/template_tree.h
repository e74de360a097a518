#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "template/message_template.h"
#include "template/notification_view.h"

// A template that was read: nodes with expressions over typed fields. Names were checked when it
// was read, so that evaluation cannot fail.
namespace tocsin {

enum class Field : std::uint8_t {
  // of the notification
  kStatus,
  kReceiver,
  kGroupKey,
  kExternalUrl,
  kFiringCount,
  kResolvedCount,
  kTruncatedAlerts,
  kDigest,
  kBacklog,
  kGroupLabels,
  kCommonLabels,
  kCommonAnnotations,
  kAlerts,
  kAlertsFiring,
  kAlertsResolved,
  kTopDevices,
  // of an alert
  kAlertStatus,
  kLabels,
  kAnnotations,
  kStartsAt,
  kEndsAt,
  kGeneratorUrl,
  kFingerprint,
  kValue,
  kDeviceId,
  kRule,
  kAlertSeverity,
  // of an element of pairs
  kPairName,
  kPairValue,
};

// A field; of a map one entry, or a view of all entries.
struct FieldReference {
  enum class View : std::uint8_t { kPlain, kEntry, kPairs, kNames, kValues };
  Field field = Field::kStatus;
  View view = View::kPlain;
  std::string key = {};
};

enum class Function : std::uint8_t {
  kToUpper,
  kToLower,
  kTitle,
  kTrimSpace,
  kSafeHtml,
  kJoin,
  kLen,
  kNot,
  kAnd,
  kOr,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
};

struct Expression {
  enum class Kind : std::uint8_t { kText, kNumber, kField, kCall } kind = Kind::kText;
  std::string text;
  double number = 0;
  FieldReference field;
  Function function = Function::kNot;
  std::vector<Expression> arguments;
};

struct TemplateNode {
  enum class Kind : std::uint8_t { kText, kValue, kCondition, kLoop } kind = Kind::kText;
  std::string text;
  Expression expression;
  std::vector<TemplateNode> body;
  std::vector<TemplateNode> otherwise;  // of a false condition or an empty loop
};

// Where an evaluation stands.
struct TemplateScope {
  const NotificationView* view = nullptr;
  std::ptrdiff_t alert = -1;                                  // index, -1 = outside of alerts
  const std::pair<std::string, std::string>* pair = nullptr;  // nullptr = outside of pairs
};

struct TemplateValue {
  enum class Kind : std::uint8_t { kText, kNumber, kBool, kList } kind = Kind::kText;
  std::string text = {};
  double number = 0;  // of a list its length
  std::vector<std::string> list = {};

  bool truth() const;
  std::string ToText() const;
};

// The elements of a field that is a list.
std::vector<TemplateScope> ElementsOf(const FieldReference& field, const TemplateScope& scope,
                                      std::vector<std::pair<std::string, std::string>>& pairs);
TemplateValue ValueOf(const FieldReference& field, const TemplateScope& scope);
TemplateValue Evaluate(const Expression& expression, const TemplateScope& scope);
bool IsList(const FieldReference& field);
bool IsMap(Field field);

// Which names mean something: outside, inside of Alerts, inside of pairs.
struct NameScope {
  bool alert = false;
  bool pair = false;
};
// `path` without its leading dot or `$`. kInvalidArgument naming the nearest known name.
Result<FieldReference> FindField(std::string_view path, const NameScope& scope, bool from_root);
bool FindFunction(std::string_view name, Function& function);
// How many arguments a function takes; {2, 255} = two or more.
std::pair<std::size_t, std::size_t> ArityOf(Function function);

}  // namespace tocsin
