#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "expression/diagnostic.h"

// A YAML document as a tree with places, and the readers of its leaves. Every reader writes its
// mistake to the list and goes on, so that one look at a file finds them all.
namespace tocsin {

struct ConfigNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap } kind = Kind::kNull;
  std::string text;  // of a scalar
  SourcePlace place;
  std::vector<ConfigNode> items;  // of a list, or the values of a map
  struct Key {
    std::string text;
    SourcePlace place;
  };
  std::vector<Key> keys;  // of a map, as many as items

  bool is_null() const { return kind == Kind::kNull; }
};

using Diagnostics = std::vector<Diagnostic>;

// Aliases and merge keys (`<<`) are resolved. Nothing, with a diagnostic, for a text that is no
// YAML, larger than 1 MiB, nested deeper than 64 or with more than 200,000 nodes.
std::optional<ConfigNode> ReadConfigTree(std::string_view text, Diagnostics& diagnostics);

// The members of a mapping by name. Reports a node that is no mapping, keys that are unknown (with
// the nearest known one) and keys that stand twice.
class ConfigFields {
 public:
  // `what` names the mapping in messages: "route". Null counts as an empty mapping.
  ConfigFields(const ConfigNode& node, std::string_view what,
               std::span<const std::string_view> known, Diagnostics& diagnostics);

  // The member, nullptr when it is absent or null.
  const ConfigNode* Find(std::string_view key) const;
  // Leave `out` alone when the member is absent.
  void Text(std::string_view key, std::string& out) const;
  void Bool(std::string_view key, bool& out) const;
  void Duration(std::string_view key, std::int64_t& out_us) const;
  std::vector<const ConfigNode*> List(std::string_view key) const;
  void Texts(std::string_view key, std::vector<std::string>& out) const;

 private:
  const ConfigNode& node_;
  std::string what_;
  Diagnostics& diagnostics_;
};

std::optional<bool> BoolOf(std::string_view text);

}  // namespace tocsin
