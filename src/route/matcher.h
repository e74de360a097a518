#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tocsin {

using LabelMap = std::map<std::string, std::string>;

// One matcher in Alertmanager's words: severity="critical", site=~"a.*". A missing label is the
// empty text. Regular expressions are RE2, anchored at both ends.
class Matcher {
 public:
  enum class Kind : std::uint8_t { kEqual, kNotEqual, kMatch, kNotMatch };
  // kInvalidArgument for a bad regular expression.
  static Result<Matcher> Make(std::string name, Kind kind, std::string value);
  bool Matches(const LabelMap& labels) const;
  std::string ToText() const;  // name="value"
  const std::string& name() const;
  const std::string& value() const;
  Kind kind() const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

// `severity="critical"`, `{a="b",c=~"d.*"}`, `a=b`: everything Alertmanager takes in one text.
Result<std::vector<Matcher>> ParseMatchers(std::string_view text);
bool MatchesAll(const std::vector<Matcher>& matchers, const LabelMap& labels);

}  // namespace tocsin
