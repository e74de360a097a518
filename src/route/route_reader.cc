#include "route/route_reader.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"

namespace tocsin {
namespace {

// `matchers: [texts]` and the older maps `match` and `match_re`, under the keys of one side.
struct MatcherKeys {
  std::string_view matchers;
  std::string_view equal;
  std::string_view regular;
};

void ReadMap(const ConfigFields& fields, std::string_view key, Matcher::Kind kind,
             std::vector<Matcher>& out, Diagnostics& diagnostics) {
  const ConfigNode* map = fields.Find(key);
  if (map == nullptr) return;
  if (map->kind != ConfigNode::Kind::kMap) {
    diagnostics.push_back(
        {map->place, std::string(key) + " must be a mapping of labels to values"});
    return;
  }
  for (std::size_t i = 0; i < map->keys.size(); ++i) {
    Result<Matcher> matcher = Matcher::Make(map->keys[i].text, kind, map->items[i].text);
    if (matcher && map->items[i].kind == ConfigNode::Kind::kScalar) {
      out.push_back(std::move(*matcher));
    } else {
      diagnostics.push_back(
          {map->items[i].place, matcher ? "label " + map->keys[i].text + " must have a single value"
                                        : matcher.error().message()});
    }
  }
}

std::vector<Matcher> ReadMatchers(const ConfigFields& fields, const MatcherKeys& keys,
                                  Diagnostics& diagnostics) {
  std::vector<Matcher> all;
  for (const ConfigNode* item : fields.List(keys.matchers)) {
    Result<std::vector<Matcher>> matchers = ParseMatchers(item->text);
    if (item->kind != ConfigNode::Kind::kScalar || !matchers) {
      diagnostics.push_back(
          {item->place, matchers ? "a matcher must be a single text" : matchers.error().message()});
      continue;
    }
    all.insert(all.end(), matchers->begin(), matchers->end());
  }
  ReadMap(fields, keys.equal, Matcher::Kind::kEqual, all, diagnostics);
  ReadMap(fields, keys.regular, Matcher::Kind::kMatch, all, diagnostics);
  std::ranges::stable_sort(all, {}, [](const Matcher& matcher) { return matcher.name(); });
  return all;
}

std::string MatchersText(const std::vector<Matcher>& matchers) {
  std::string text = "{";
  for (const Matcher& matcher : matchers) {
    if (text.size() > 1) text += ',';
    text += matcher.ToText();
  }
  return text + "}";
}

class TreeReader {
 public:
  TreeReader(const RouteConfig& config, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    for (const Receiver& receiver : config.receivers) receivers_.push_back(receiver.name);
    for (const auto& [name, intervals] : config.time_intervals) intervals_.push_back(name);
  }

  // `parent` is null for the root.
  Route Read(const ConfigNode& node, const Route* parent, const std::string& id) {
    static constexpr std::string_view kKnown[] = {"receiver",
                                                  "group_by",
                                                  "group_wait",
                                                  "group_interval",
                                                  "matchers",
                                                  "match",
                                                  "match_re",
                                                  "repeat_interval",
                                                  "continue",
                                                  "routes",
                                                  "mute_time_intervals",
                                                  "active_time_intervals"};
    const ConfigFields fields(node, "route", kKnown, diagnostics_);
    Route route;
    if (parent != nullptr) Inherit(*parent, route);
    route.id = id;
    ReadReceiver(fields, node, route, parent == nullptr);
    ReadGroupBy(fields, route);
    fields.Duration("group_wait", route.group_wait_us);
    fields.Duration("group_interval", route.group_interval_us);
    fields.Duration("repeat_interval", route.repeat_interval_us);
    fields.Bool("continue", route.continue_matching);
    route.matchers = ReadMatchers(fields, {"matchers", "match", "match_re"}, diagnostics_);
    ReadIntervals(fields, "mute_time_intervals", route.mute_time_intervals);
    ReadIntervals(fields, "active_time_intervals", route.active_time_intervals);
    if (parent == nullptr) CheckRoot(fields, route);
    MakeKey(parent, route);
    std::size_t index = 0;
    for (const ConfigNode* item : fields.List("routes")) {
      route.routes.push_back(Read(*item, &route, id + "/" + std::to_string(index++)));
    }
    return route;
  }

 private:
  static void Inherit(const Route& parent, Route& route) {
    route.receiver = parent.receiver;
    route.group_by = parent.group_by;
    route.group_by_all = parent.group_by_all;
    route.group_wait_us = parent.group_wait_us;
    route.group_interval_us = parent.group_interval_us;
    route.repeat_interval_us = parent.repeat_interval_us;
  }

  void ReadReceiver(const ConfigFields& fields, const ConfigNode& node, Route& route, bool root) {
    const ConfigNode* receiver = fields.Find("receiver");
    if (receiver == nullptr) {
      if (root) diagnostics_.push_back({node.place, "the root route must name a receiver"});
      return;
    }
    fields.Text("receiver", route.receiver);
    CheckName("receiver", route.receiver, receivers_, receiver->place);
  }

  void CheckName(std::string_view what, const std::string& name,
                 const std::vector<std::string_view>& known, SourcePlace place) {
    if (std::ranges::find(known, name) != known.end()) return;
    std::string message = std::string(what) + " '" + name + "' is not defined";
    const std::string_view nearest = Nearest(name, known);
    if (!nearest.empty()) message += "; did you mean '" + std::string(nearest) + "'?";
    diagnostics_.push_back({place, std::move(message)});
  }

  void ReadGroupBy(const ConfigFields& fields, Route& route) {
    std::vector<std::string> labels;
    fields.Texts("group_by", labels);
    if (labels.empty()) return;
    const SourcePlace place = fields.Find("group_by")->place;
    std::ranges::sort(labels);
    if (std::ranges::adjacent_find(labels) != labels.end()) {
      diagnostics_.push_back({place, "group_by names a label twice"});
    }
    if (std::ranges::find(labels, "") != labels.end()) {
      diagnostics_.push_back({place, "group_by names an empty label"});
    }
    route.group_by_all = std::ranges::find(labels, "...") != labels.end();
    if (route.group_by_all && labels.size() > 1) {
      diagnostics_.push_back({place, "group_by must not name other labels beside '...'"});
    }
    route.group_by = route.group_by_all ? std::vector<std::string>() : std::move(labels);
  }

  void ReadIntervals(const ConfigFields& fields, std::string_view key,
                     std::vector<std::string>& out) {
    fields.Texts(key, out);
    for (const ConfigNode* item : fields.List(key)) {
      if (item->kind == ConfigNode::Kind::kScalar) {
        CheckName("time interval", item->text, intervals_, item->place);
      }
    }
  }

  void CheckRoot(const ConfigFields& fields, const Route& route) {
    const auto refuse = [this, &fields](std::string_view key, bool wrong) {
      const ConfigNode* node = fields.Find(key);
      if (node == nullptr || !wrong) return;
      diagnostics_.push_back({node->place, "the root route takes every alert: it must not have '" +
                                               std::string(key) + "'; put it in a child route"});
    };
    for (const std::string_view key : {"matchers", "match", "match_re"}) {
      refuse(key, !route.matchers.empty());
    }
    refuse("mute_time_intervals", !route.mute_time_intervals.empty());
    refuse("active_time_intervals", !route.active_time_intervals.empty());
    refuse("continue", route.continue_matching);
  }

  void MakeKey(const Route* parent, Route& route) {
    route.key = (parent == nullptr ? "" : parent->key + "/") + MatchersText(route.matchers);
    const std::size_t same = keys_[route.key]++;
    if (same > 0) route.key += "#" + std::to_string(same + 1);
  }

  std::vector<std::string_view> receivers_;
  std::vector<std::string_view> intervals_;
  std::map<std::string, std::size_t> keys_;
  Diagnostics& diagnostics_;
};

bool Collect(const Route& route, const LabelMap& labels, std::vector<const Route*>& out) {
  if (!MatchesAll(route.matchers, labels)) return false;
  bool deeper = false;
  for (const Route& child : route.routes) {
    if (!Collect(child, labels, out)) continue;
    deeper = true;
    if (!child.continue_matching) break;
  }
  if (!deeper) out.push_back(&route);
  return true;
}

}  // namespace

std::vector<const Route*> MatchRoutes(const Route& root, const LabelMap& labels) {
  std::vector<const Route*> routes;
  Collect(root, labels, routes);
  return routes;
}

Route ReadRouteTree(const ConfigFields& file, const RouteConfig& config, Diagnostics& diagnostics) {
  const ConfigNode* root = file.Find("route");
  if (root != nullptr) return TreeReader(config, diagnostics).Read(*root, nullptr, "0");
  diagnostics.push_back({{1, 1}, "the file has no 'route'"});
  return {};
}

std::vector<InhibitRule> ReadInhibitRules(const ConfigFields& file, Diagnostics& diagnostics) {
  static constexpr std::string_view kKnown[] = {
      "name",         "equal",           "source_matchers", "source_match", "source_match_re",
      "target_match", "target_match_re", "target_matchers"};
  std::vector<InhibitRule> rules;
  for (const ConfigNode* item : file.List("inhibit_rules")) {
    const ConfigFields fields(*item, "inhibit rule", kKnown, diagnostics);
    InhibitRule rule;
    rule.source =
        ReadMatchers(fields, {"source_matchers", "source_match", "source_match_re"}, diagnostics);
    rule.target =
        ReadMatchers(fields, {"target_matchers", "target_match", "target_match_re"}, diagnostics);
    fields.Texts("equal", rule.equal);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace tocsin
