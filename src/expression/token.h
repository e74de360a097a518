#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

// One word of an expression. `begin` and `end` are offsets of bytes in the text.
struct Token {
  enum class Kind : std::uint8_t {
    kEnd,
    kNumber,    // `number`
    kDuration,  // `number` in seconds, `duration_us`
    kText,      // `text` without its quotes and escapes
    kName,      // `text`: metric, function, label (with its dots), and, or, not, unless
    kSymbol,    // `text`: an operator, a parenthesis, a comma, =
  };
  Kind kind = Kind::kEnd;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;
  double number = 0;
  std::int64_t duration_us = 0;

  bool Is(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
  bool IsWord(std::string_view word) const { return kind == Kind::kName && text == word; }
};

struct LexicalMistake {
  std::size_t offset = 0;
  std::string message;
};

// The tokens of `text` (UTF-8), the last one kEnd; or the first mistake.
std::optional<LexicalMistake> Tokenize(std::string_view text, std::vector<Token>& tokens);

}  // namespace tocsin
