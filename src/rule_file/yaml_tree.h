#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/diagnostic.h"

namespace tocsin {

// One node of a YAML document with its place. An alias is its anchor's node, place and all.
struct YamlTree {
  enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMapping };
  using Pointer = std::shared_ptr<const YamlTree>;

  struct Pair {
    std::string key;
    SourcePlace place;  // of the key
    Pointer value;
  };

  Kind kind = Kind::kNull;
  std::string text;         // of a scalar
  std::vector<Pair> pairs;  // of a mapping; keys are unique
  std::vector<Pointer> items;
  SourcePlace place;
};

inline constexpr std::size_t kMaxYamlNodes = 200'000;

// Reads one YAML document of UTF-8 text without a byte order mark. nullptr when it is no YAML, has
// more than kMaxYamlNodes nodes or a second document; that, repeated keys, keys that are no plain
// names and nodes that hold themselves go to `diagnostics`.
YamlTree::Pointer ParseYamlTree(std::string_view text, std::vector<Diagnostic>& diagnostics);

}  // namespace tocsin
