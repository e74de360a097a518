#include "template/text_pattern.h"

#include <re2/re2.h>

#include <charconv>
#include <optional>
#include <vector>

namespace tocsin {
namespace {

constexpr std::int64_t kMaxMemory = 1 << 20;
constexpr std::size_t kMaxPatternBytes = 4096;

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The length of the UTF-8 sequence that begins with `lead`.
std::size_t SequenceSize(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
}

// The name of a group at the begin of `text`, which is what follows the dollar sign; takes it away.
std::optional<std::string_view> TakeGroup(std::string_view& text) {
  if (text.starts_with('{')) {
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view name = text.substr(1, end - 1);
    for (const char c : name) {
      if (!IsWord(c)) return std::nullopt;
    }
    if (name.empty()) return std::nullopt;
    text.remove_prefix(end + 1);
    return name;
  }
  std::size_t size = 0;
  while (size < text.size() && IsWord(text[size])) ++size;
  if (size == 0) return std::nullopt;
  const std::string_view name = text.substr(0, size);
  text.remove_prefix(size);
  return name;
}

}  // namespace

struct TextPattern::Parts {
  Parts(std::string_view pattern, const RE2::Options& options)
      : regex(pattern, options), groups(regex.ok() ? regex.NumberOfCapturingGroups() + 1 : 0) {}

  std::string_view Group(std::string_view name, const std::vector<re2::StringPiece>& found) const {
    int number = -1;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
    if (read.ec != std::errc() || read.ptr != name.data() + name.size()) {
      const auto& named = regex.NamedCapturingGroups();
      const auto at = named.find(std::string(name));
      number = at == named.end() ? -1 : at->second;
    }
    if (number < 0 || number >= groups) return {};
    const re2::StringPiece& group = found[static_cast<std::size_t>(number)];
    return {group.data(), group.size()};
  }

  void AppendReplacement(std::string& out, std::string_view replacement,
                         const std::vector<re2::StringPiece>& found) const {
    while (!replacement.empty()) {
      const std::size_t dollar = std::min(replacement.find('$'), replacement.size());
      out += replacement.substr(0, dollar);
      replacement.remove_prefix(dollar);
      if (replacement.empty()) return;
      replacement.remove_prefix(1);
      if (replacement.starts_with('$')) {
        out += '$';
        replacement.remove_prefix(1);
      } else if (const auto name = TakeGroup(replacement)) {
        out += Group(*name, found);
      } else {
        out += '$';
      }
    }
  }

  const RE2 regex;
  const int groups;
};

Result<std::shared_ptr<const TextPattern>> TextPattern::Compile(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return Fail(Code::kInvalidArgument, "a pattern has at most 4,096 bytes");
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  auto parts = std::make_shared<const Parts>(pattern, options);
  if (!parts->regex.ok()) {
    return Fail(Code::kInvalidArgument,
                "the pattern '" + std::string(pattern) + "' is wrong: " + parts->regex.error());
  }
  auto made = std::make_shared<TextPattern>();
  made->parts_ = std::move(parts);
  return made;
}

bool TextPattern::Matches(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), parts_->regex);
}

std::string TextPattern::ReplaceAll(std::string_view text, std::string_view replacement) const {
  const re2::StringPiece whole(text.data(), text.size());
  std::vector<re2::StringPiece> found(static_cast<std::size_t>(parts_->groups));
  std::string out;
  std::size_t at = 0;
  std::size_t copied = 0;
  std::size_t last_end = std::string_view::npos;
  while (at <= text.size() && parts_->regex.Match(whole, at, text.size(), RE2::UNANCHORED,
                                                  found.data(), parts_->groups)) {
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    const std::size_t end = begin + found[0].size();
    // An empty match right behind the last match is none.
    if (begin != end || begin != last_end) {
      out += text.substr(copied, begin - copied);
      parts_->AppendReplacement(out, replacement, found);
      copied = last_end = end;
    }
    at = end > begin ? end : end + (end < text.size() ? SequenceSize(text[end]) : 1);
  }
  out += text.substr(std::min(copied, text.size()));
  return out;
}

}  // namespace tocsin
