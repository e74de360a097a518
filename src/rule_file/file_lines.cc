#include "rule_file/file_lines.h"

#include <algorithm>
#include <memory>

namespace tocsin {
namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t Utf8Size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte < 0xC0) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

// Walks a scalar's value and its written form side by side. White space is all that folding
// changes, so that the next other character finds the place again.
class Alignment {
 public:
  Alignment(std::string_view file, std::size_t at) : file_(file), at_(at) {
    while (Peek() == '&' || Peek() == '!') {
      while (at_ < file_.size() && !IsSpace(Peek())) ++at_;
      SkipSpace();
    }
    quote_ = Peek() == '"' || Peek() == '\'' ? Peek() : '\0';
    if (quote_ != '\0') ++at_;
    if (Peek() == '|' || Peek() == '>') {
      at_ = std::min(file_.find('\n', at_), file_.size() - 1) + 1;
    }
  }

  std::vector<std::size_t> Run(std::string_view value) {
    std::vector<std::size_t> offsets;
    offsets.reserve(value.size() + 1);
    while (offsets.size() < value.size() && Step(value[offsets.size()], offsets)) {
    }
    offsets.resize(value.size() + 1, std::min(at_, file_.size()));
    return offsets;
  }

 private:
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < file_.size() ? file_[at_ + ahead] : '\0';
  }
  void SkipSpace() {
    while (at_ < file_.size() && IsSpace(file_[at_])) ++at_;
  }

  bool Step(char c, std::vector<std::size_t>& offsets) {
    if (!IsSpace(c)) SkipSpace();
    while (quote_ == '"' && Peek() == '\\' && (Peek(1) == '\n' || Peek(1) == '\r')) {
      ++at_;
      SkipSpace();
    }
    if (quote_ == '"' && Peek() == '\\') {
      const char kind = Peek(1);
      const std::size_t written = kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
      offsets.insert(offsets.end(), Utf8Size(c), at_);
      at_ += written;
      return true;
    }
    if (IsSpace(c) ? !IsSpace(Peek()) : Peek() != c) return false;
    offsets.push_back(at_);
    at_ += quote_ == '\'' && c == '\'' ? 2 : 1;
    return true;
  }

  std::string_view file_;
  std::size_t at_ = 0;
  char quote_ = '\0';
};

}  // namespace

FileLines::FileLines(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(i + 1);
  }
}

std::size_t FileLines::OffsetOf(SourcePlace place) const {
  if (place.line == 0 || place.line > starts_.size()) return text_.size();
  return std::min(starts_[place.line - 1] + std::max(place.column, 1U) - 1, text_.size());
}

SourcePlace FileLines::PlaceAt(std::size_t offset) const {
  const auto line = std::ranges::upper_bound(starts_, offset) - starts_.begin();
  const std::size_t start = starts_[static_cast<std::size_t>(line) - 1];
  return {static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(offset - start + 1)};
}

PlaceOf FileLines::PlacesOfScalar(SourcePlace start, std::string_view value) const {
  auto offsets = std::make_shared<const std::vector<std::size_t>>(
      Alignment(text_, OffsetOf(start)).Run(value));
  return [this, offsets](std::size_t offset) {
    return PlaceAt((*offsets)[std::min(offset, offsets->size() - 1)]);
  };
}

}  // namespace tocsin
