#include "route/config_node.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "config/units.h"

// The only file of this module that knows yaml-cpp; its exceptions end in ReadConfigTree.
namespace tocsin {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 200'000;

SourcePlace PlaceOf(const YAML::Mark& mark) {
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

// Copies the library's nodes. An alias is copied where it stands, hence the bound on nodes.
class TreeBuilder {
 public:
  explicit TreeBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  ConfigNode Build(const YAML::Node& from, std::size_t depth) {
    ConfigNode node;
    node.place = PlaceOf(from.Mark());
    if (failed_) return node;
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      failed_ = true;
      diagnostics_.push_back({node.place, "nested too deeply, or too much is repeated by aliases"});
      return node;
    }
    if (from.IsScalar()) {
      node.kind = ConfigNode::Kind::kScalar;
      node.text = from.Scalar();
    } else if (from.IsSequence()) {
      node.kind = ConfigNode::Kind::kList;
      for (const auto& item : from) node.items.push_back(Build(item, depth + 1));
    } else if (from.IsMap()) {
      node.kind = ConfigNode::Kind::kMap;
      BuildMap(from, depth, node);
    }
    return node;
  }

  bool failed() const { return failed_; }

 private:
  void BuildMap(const YAML::Node& from, std::size_t depth, ConfigNode& node) {
    std::vector<ConfigNode> merged;
    for (const auto& pair : from) {
      const SourcePlace place = PlaceOf(pair.first.Mark());
      if (!pair.first.IsScalar()) {
        diagnostics_.push_back({place, "a key must be a plain name"});
        continue;
      }
      ConfigNode value = Build(pair.second, depth + 1);
      if (pair.first.Scalar() == "<<") {
        merged.push_back(std::move(value));
        continue;
      }
      node.keys.push_back({pair.first.Scalar(), place});
      node.items.push_back(std::move(value));
    }
    for (ConfigNode& map : merged) Merge(std::move(map), node);
  }

  // What stands in the mapping itself goes before what is merged into it.
  void Merge(ConfigNode from, ConfigNode& into) {
    if (from.kind == ConfigNode::Kind::kList) {
      for (ConfigNode& item : from.items) Merge(std::move(item), into);
      return;
    }
    if (from.kind != ConfigNode::Kind::kMap) {
      diagnostics_.push_back({from.place, "'<<' must name a mapping"});
      return;
    }
    for (std::size_t i = 0; i < from.keys.size(); ++i) {
      const auto same = [&](const ConfigNode::Key& key) { return key.text == from.keys[i].text; };
      if (std::ranges::any_of(into.keys, same)) continue;
      into.keys.push_back(std::move(from.keys[i]));
      into.items.push_back(std::move(from.items[i]));
    }
  }

  Diagnostics& diagnostics_;
  std::size_t nodes_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<ConfigNode> ReadConfigTree(std::string_view text, Diagnostics& diagnostics) {
  if (text.size() > kMaxBytes) {
    diagnostics.push_back({{}, "the file is larger than 1 MiB"});
    return std::nullopt;
  }
  try {
    TreeBuilder builder(diagnostics);
    ConfigNode node = builder.Build(YAML::Load(std::string(text)), 0);
    if (builder.failed()) return std::nullopt;
    return node;
  } catch (const YAML::Exception& error) {
    diagnostics.push_back({PlaceOf(error.mark), "not valid YAML: " + error.msg});
    return std::nullopt;
  }
}

ConfigFields::ConfigFields(const ConfigNode& node, std::string_view what,
                           std::span<const std::string_view> known, Diagnostics& diagnostics)
    : node_(node), what_(what), diagnostics_(diagnostics) {
  if (node.kind != ConfigNode::Kind::kMap) {
    if (!node.is_null()) diagnostics.push_back({node.place, what_ + " must be a mapping"});
    return;
  }
  std::set<std::string_view> seen;
  for (const ConfigNode::Key& key : node.keys) {
    if (!seen.insert(key.text).second) {
      diagnostics.push_back({key.place, "'" + key.text + "' is set twice in " + what_});
    }
    if (std::ranges::find(known, key.text) != known.end()) continue;
    std::string message = "unknown key '" + key.text + "' in " + what_;
    const std::string_view nearest = Nearest(key.text, known);
    if (!nearest.empty()) message += "; did you mean '" + std::string(nearest) + "'?";
    diagnostics.push_back({key.place, std::move(message)});
  }
}

const ConfigNode* ConfigFields::Find(std::string_view key) const {
  for (std::size_t i = 0; i < node_.keys.size(); ++i) {
    if (node_.keys[i].text == key) return node_.items[i].is_null() ? nullptr : &node_.items[i];
  }
  return nullptr;
}

void ConfigFields::Text(std::string_view key, std::string& out) const {
  const ConfigNode* node = Find(key);
  if (node == nullptr) return;
  if (node->kind != ConfigNode::Kind::kScalar) {
    diagnostics_.push_back({node->place, std::string(key) + " must be a single text"});
    return;
  }
  out = node->text;
}

std::optional<bool> BoolOf(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "TRUE", "yes", "Yes", "on", "On", "y"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "False", "FALSE", "no", "No", "off", "Off", "n"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

void ConfigFields::Bool(std::string_view key, bool& out) const {
  const ConfigNode* node = Find(key);
  if (node == nullptr) return;
  const std::optional<bool> value = BoolOf(node->text);
  if (!value) {
    diagnostics_.push_back({node->place, std::string(key) + " must be true or false"});
    return;
  }
  out = *value;
}

void ConfigFields::Duration(std::string_view key, std::int64_t& out_us) const {
  const ConfigNode* node = Find(key);
  if (node == nullptr) return;
  const Result<std::int64_t> us = ParseDurationUs(node->text);
  if (node->kind != ConfigNode::Kind::kScalar || !us) {
    diagnostics_.push_back({node->place, std::string(key) + ": '" + node->text +
                                             "' is no duration; write one like 30s, 5m or 1h30m"});
    return;
  }
  out_us = *us;
}

std::vector<const ConfigNode*> ConfigFields::List(std::string_view key) const {
  std::vector<const ConfigNode*> items;
  const ConfigNode* node = Find(key);
  if (node == nullptr) return items;
  if (node->kind != ConfigNode::Kind::kList) {
    diagnostics_.push_back({node->place, std::string(key) + " must be a list"});
    return items;
  }
  for (const ConfigNode& item : node->items) items.push_back(&item);
  return items;
}

void ConfigFields::Texts(std::string_view key, std::vector<std::string>& out) const {
  for (const ConfigNode* item : List(key)) {
    if (item->kind != ConfigNode::Kind::kScalar) {
      diagnostics_.push_back({item->place, std::string(key) + " must be a list of texts"});
      continue;
    }
    out.push_back(item->text);
  }
}

}  // namespace tocsin
