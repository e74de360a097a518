#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// A template as a tree. It comes about in two steps: the parsers make nodes and expressions of
// words and names; the resolver (template_resolver.h) finds what each name means where it stands
// and fills in the rest, so that evaluation cannot fail.
namespace tocsin {

// What an expression is, known before anything is evaluated.
enum class ValueType : std::uint8_t {
  kScalar,  // a text, a number, true or false
  kTime,
  kTexts,
  kMap,  // labels or annotations
  kPairs,
  kPair,
  kAlerts,
  kAlert,
  kRoot,  // the notification
};

// What follows a dot.
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
  kTopDevices,
  // of alerts
  kFiring,
  kResolved,
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
  // of a map, of pairs
  kEntry,
  kSortedPairs,
  kNames,
  kValues,
  // of a pair
  kPairName,
  kPairValue,
  // of a time
  kUtc,
  kUnix,
};

enum class Function : std::uint8_t {
  kToUpper,
  kToLower,
  kTitle,
  kTrimSpace,
  kSafe,  // safeHtml, safeUrl
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
  kPrintf,
  kPrint,
  kMatch,
  kReReplaceAll,
  kStringSlice,
  kIndex,
  kDate,
  // methods
  kFormat,
  kRemove,
};

class TextPattern;  // text_pattern.h

struct Expression {
  enum class Kind : std::uint8_t {
    kText,
    kNumber,
    kBool,
    kPath,  // as parsed: `base` and `names`, with arguments when the last name is a method
    kCall,  // as parsed: `text` is the function
    // resolved, beside the constants and kCall:
    kDot,       // `index` of the dots, 0 = the notification
    kVariable,  // `index` of the variables
    kMember,    // `field` of arguments[0]; kEntry: the entry `text`
  };
  enum class Base : std::uint8_t { kDot, kRoot, kVariable, kOperand };

  Kind kind = Kind::kText;
  std::string text;  // of kPath: the variable's name
  double number = 0;
  Base base = Base::kDot;
  std::vector<std::string> names;
  std::vector<Expression> operand;  // of Base::kOperand: one
  std::vector<Expression> arguments;

  ValueType type = ValueType::kScalar;
  std::size_t index = 0;
  Field field = Field::kStatus;
  Function function = Function::kNot;
  std::shared_ptr<const TextPattern> pattern;
};

struct TemplateNode {
  enum class Kind : std::uint8_t {
    kText,
    kValue,
    kIf,
    kRange,
    kWith,
    kSection,  // as parsed: mustache's, a loop over a list and else a condition
    kSet,      // $x := …, $x = …
    kInvoke,   // {{ template "name" expression }}
  };
  static constexpr std::size_t kNoSlot = static_cast<std::size_t>(-1);

  Kind kind = Kind::kText;
  std::string text;  // of kInvoke the name
  Expression expression;
  bool has_expression = true;
  std::vector<TemplateNode> body;
  std::vector<TemplateNode> otherwise;  // of a false condition or an empty loop
  // {{ range $key, $value := … }}; the others have a value alone.
  std::string key_name, value_name;
  bool declares = true;  // := and not =
  int line = 1;
  int column = 1;

  std::size_t key_slot = kNoSlot;
  std::size_t value_slot = kNoSlot;
  std::size_t callee = 0;  // of kInvoke: among the resolved templates
};

// {{ define "name" }}, not resolved.
struct DefinedTemplate {
  std::vector<TemplateNode> nodes;
  std::string file;  // "" = in the text itself, or built in
  // A built-in one speaks of the notification, wherever it is invoked.
  bool built_in = false;
};
using Defines = std::map<std::string, DefinedTemplate, std::less<>>;

struct ResolvedTemplate {
  std::vector<TemplateNode> nodes;
  std::size_t slots = 0;  // variables
  bool built_in = false;
};

// "a text", "labels", …: for messages.
std::string_view TypeName(ValueType type);
// Of what range and mustache's sections go through; false for what is no list.
bool ElementOf(ValueType list, ValueType& element);

// The field that a name is of a value of this type, and its type.
struct FoundField {
  Field field = Field::kStatus;
  ValueType type = ValueType::kScalar;
};
bool FindField(ValueType of, std::string_view name, FoundField& found);
std::vector<std::string_view> FieldNames(ValueType of);

bool FindFunction(std::string_view name, Function& function);
std::vector<std::string_view> FunctionNames();
// kInvalidArgument for arguments of a number or of types that it does not take. Gives the type of
// what it returns.
Result<ValueType> CheckCall(std::string_view name, Function function,
                            const std::vector<Expression>& arguments);

}  // namespace tocsin
