#include "rule_file/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <set>
#include <sstream>

// The only file of the module that knows yaml-cpp; its exceptions end in ParseYamlTree.
namespace tocsin {
namespace {

SourcePlace PlaceAt(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

// Builds the tree from the parser's events. The parser bounds the depth.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::vector<Diagnostic>& diagnostics) : diagnostics_(diagnostics) {}

  YamlTree::Pointer root() const { return root_; }
  bool too_many() const { return nodes_ > kMaxYamlNodes; }
  SourcePlace start() const { return start_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = PlaceAt(mark); }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Complete(Make(YamlTree::Kind::kNull, mark), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = Make(YamlTree::Kind::kScalar, mark);
    if (!too_many()) node->text = value;
    Complete(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found != anchors_.end()) {
      Add(found->second);
      return;
    }
    Report(PlaceAt(mark), "this alias stands inside its own anchor");
    Add(Make(YamlTree::Kind::kNull, mark));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open_.push_back({Make(YamlTree::Kind::kSequence, mark), anchor, {}, {}});
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open_.push_back({Make(YamlTree::Kind::kMapping, mark), anchor, {}, {}});
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Open {
    std::shared_ptr<YamlTree> node;
    YAML::anchor_t anchor = 0;
    YamlTree::Pointer key;  // read, its value is not
    std::set<std::string, std::less<>> keys;
  };

  std::shared_ptr<YamlTree> Make(YamlTree::Kind kind, const YAML::Mark& mark) {
    ++nodes_;
    auto node = std::make_shared<YamlTree>();
    node->kind = kind;
    node->place = PlaceAt(mark);
    return node;
  }
  void Report(SourcePlace place, std::string message) {
    if (diagnostics_.size() < 100) diagnostics_.push_back({place, std::move(message)});
  }
  void Complete(YamlTree::Pointer node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    Add(std::move(node));
  }
  void Close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    Complete(std::move(done.node), done.anchor);
  }
  void Add(YamlTree::Pointer node) {
    // A text that is refused anyway is only walked to its end.
    if (too_many()) return;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == YamlTree::Kind::kSequence) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.key == nullptr) {
      parent.key = std::move(node);
    } else {
      AddPair(parent, std::move(node));
    }
  }
  void AddPair(Open& parent, YamlTree::Pointer value) {
    const YamlTree::Pointer key = std::exchange(parent.key, nullptr);
    if (key->kind != YamlTree::Kind::kScalar) {
      Report(key->place, "a key must be a plain name");
    } else if (!parent.keys.insert(key->text).second) {
      Report(key->place, "`" + key->text + "` is set twice");
    } else {
      parent.node->pairs.push_back({key->text, key->place, std::move(value)});
    }
  }

  std::vector<Diagnostic>& diagnostics_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlTree::Pointer> anchors_;
  YamlTree::Pointer root_;
  std::size_t nodes_ = 0;
  SourcePlace start_;
};

std::optional<Diagnostic> ReadDocuments(std::istringstream& stream, TreeBuilder& first) {
  YAML::Parser parser(stream);
  if (!parser.HandleNextDocument(first)) return std::nullopt;
  std::vector<Diagnostic> unused;
  TreeBuilder second(unused);
  if (parser.HandleNextDocument(second)) {
    return Diagnostic{second.start(), "a second YAML document; only one is read"};
  }
  return std::nullopt;
}

}  // namespace

YamlTree::Pointer ParseYamlTree(std::string_view text, std::vector<Diagnostic>& diagnostics) {
  TreeBuilder builder(diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    if (auto mistake = ReadDocuments(stream, builder)) {
      diagnostics.push_back(std::move(*mistake));
      return nullptr;
    }
  } catch (const YAML::Exception& error) {
    diagnostics.push_back({PlaceAt(error.mark), "not YAML: " + error.msg});
    return nullptr;
  } catch (const std::exception& error) {
    diagnostics.push_back({{}, std::string("not YAML: ") + error.what()});
    return nullptr;
  }
  if (builder.too_many()) {
    diagnostics.push_back(
        {{}, "more than " + std::to_string(kMaxYamlNodes) + " values; split the file"});
    return nullptr;
  }
  return builder.root() != nullptr ? builder.root() : std::make_shared<YamlTree>();
}

}  // namespace tocsin
