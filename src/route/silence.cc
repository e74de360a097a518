#include "route/silence.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/time_text.h"

namespace tocsin {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kKinds[] = {"silence", "acknowledge", "shelve"};
constexpr std::int64_t kRetention = 5LL * 24 * 3600 * 1'000'000;
constexpr std::string_view kKeyPrefix = "s/";
constexpr std::size_t kMaxMatchers = 64;

std::unexpected<Error> Wrong(std::string_view member, std::string_view wanted) {
  return Fail(Code::kInvalidArgument,
              "a silence's '" + std::string(member) + "' must be " + std::string(wanted));
}

Status ReadText(const Json& json, const char* member, std::string& out) {
  const auto at = json.find(member);
  if (at == json.end() || at->is_null()) return {};
  if (!at->is_string()) return Wrong(member, "a text");
  out = at->get_ref<const std::string&>();
  return {};
}

Status ReadTime(const Json& json, const char* member, std::int64_t& out) {
  std::string text;
  TOCSIN_TRY(ReadText(json, member, text));
  if (text.empty()) return {};
  const std::optional<std::int64_t> time = ParseTime(text);
  if (!time) return Wrong(member, "a timestamp such as 2026-01-02T03:04:05Z");
  out = *time;
  return {};
}

Result<Matcher> ReadMatcher(const Json& json) {
  if (!json.is_object()) return Wrong("matchers", "objects with name and value");
  std::string name;
  std::string value;
  TOCSIN_TRY(ReadText(json, "name", name));
  TOCSIN_TRY(ReadText(json, "value", value));
  bool flags[2] = {false, true};
  const char* const members[2] = {"isRegex", "isEqual"};
  for (int i = 0; i < 2; ++i) {
    const auto at = json.find(members[i]);
    if (at == json.end()) continue;
    if (!at->is_boolean()) return Wrong(members[i], "true or false");
    flags[i] = at->get<bool>();
  }
  using Kind = Matcher::Kind;
  const Kind kind = flags[0] ? (flags[1] ? Kind::kMatch : Kind::kNotMatch)
                             : (flags[1] ? Kind::kEqual : Kind::kNotEqual);
  return Matcher::Make(std::move(name), kind, std::move(value));
}

}  // namespace

bool Silence::ActiveAt(std::int64_t now_us) const {
  return now_us >= starts_at_us && (ends_at_us == 0 || now_us < ends_at_us);
}

std::string Silence::ToJson() const {
  nlohmann::ordered_json json;
  json["id"] = id;
  json["kind"] = kKinds[static_cast<std::size_t>(kind)];
  json["matchers"] = nlohmann::ordered_json::array();
  for (const Matcher& matcher : matchers) {
    const Matcher::Kind how = matcher.kind();
    json["matchers"].push_back(
        {{"name", matcher.name()},
         {"value", matcher.value()},
         {"isRegex", how == Matcher::Kind::kMatch || how == Matcher::Kind::kNotMatch},
         {"isEqual", how == Matcher::Kind::kEqual || how == Matcher::Kind::kMatch}});
  }
  json["startsAt"] = FormatTime(starts_at_us);
  json["endsAt"] = nullptr;
  if (ends_at_us != 0) json["endsAt"] = FormatTime(ends_at_us);
  json["createdBy"] = created_by;
  json["comment"] = comment;
  json["createdAt"] = FormatTime(created_at_us);
  if (!caught.empty()) json["caught"] = caught;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Silence> Silence::FromJson(std::string_view text) {
  const Json json = text.size() > (1u << 20) ? Json() : Json::parse(text, nullptr, false);
  if (!json.is_object()) return Fail(Code::kInvalidArgument, "a silence must be a JSON object");
  Silence silence;
  std::string kind(kKinds[0]);
  TOCSIN_TRY(ReadText(json, "kind", kind));
  const auto* const which = std::ranges::find(kKinds, kind);
  if (which == std::end(kKinds)) return Wrong("kind", "silence, acknowledge or shelve");
  silence.kind = static_cast<Kind>(which - std::begin(kKinds));
  TOCSIN_TRY(ReadText(json, "id", silence.id));
  TOCSIN_TRY(ReadText(json, "createdBy", silence.created_by));
  TOCSIN_TRY(ReadText(json, "comment", silence.comment));
  TOCSIN_TRY(ReadText(json, "caught", silence.caught));
  TOCSIN_TRY(ReadTime(json, "startsAt", silence.starts_at_us));
  TOCSIN_TRY(ReadTime(json, "endsAt", silence.ends_at_us));
  TOCSIN_TRY(ReadTime(json, "createdAt", silence.created_at_us));
  if (const auto at = json.find("matchers"); at != json.end()) {
    if (!at->is_array() || at->size() > kMaxMatchers)
      return Wrong("matchers", "a list of up to 64");
    for (const Json& item : *at) {
      TOCSIN_ASSIGN(Matcher matcher, ReadMatcher(item));
      silence.matchers.push_back(std::move(matcher));
    }
  }
  return silence;
}

Status SilenceSet::Add(Silence silence) {
  if (silence.id.empty() || silence.id.size() > 64) return Wrong("id", "a text of 1 to 64 bytes");
  if (silence.kind == Silence::Kind::kAcknowledge) {
    if (silence.caught.empty()) return Wrong("caught", "the fingerprint of the acknowledged alert");
  } else {
    // One that matches the empty set of labels would match every alert, mostly by mistake.
    if (MatchesAll(silence.matchers, {})) {
      return Wrong("matchers", "a list with at least one that does not match the empty text");
    }
    if (silence.ends_at_us == 0 && silence.kind == Silence::Kind::kSilence) {
      return Wrong("endsAt", "a timestamp");
    }
  }
  if (silence.ends_at_us != 0 && silence.ends_at_us <= silence.starts_at_us) {
    return Wrong("endsAt", "after startsAt");
  }
  if (silences_.size() >= kMaxSilences && !silences_.contains(silence.id)) {
    return Fail(Code::kResourceExhausted, "there are 10,000 silences already; expire some first");
  }
  changed_.push_back(silence.id);
  silences_[silence.id] = std::move(silence);
  return {};
}

Status SilenceSet::Expire(std::string_view id, std::int64_t now_us) {
  const auto at = silences_.find(std::string(id));
  if (at == silences_.end()) {
    return Fail(Code::kNotFound, "there is no silence '" + std::string(id) + "'");
  }
  Silence& silence = at->second;
  if (silence.ends_at_us != 0 && silence.ends_at_us <= now_us) return {};
  silence.starts_at_us = std::min(silence.starts_at_us, now_us);
  silence.ends_at_us = now_us;
  changed_.push_back(silence.id);
  return {};
}

const Silence* SilenceSet::Find(const AlertMessage& alert, std::int64_t now_us) const {
  LabelMap labels;
  for (const auto& [id, silence] : silences_) {
    if (!silence.ActiveAt(now_us)) continue;
    if (silence.kind == Silence::Kind::kAcknowledge) {
      if (alert.firing && silence.caught == alert.fingerprint) return &silence;
      continue;
    }
    if (labels.empty()) labels = alert.RouteLabels();
    if (MatchesAll(silence.matchers, labels)) return &silence;
  }
  return nullptr;
}

std::string SilenceSet::Catches(const AlertMessage& alert, std::int64_t now_us) {
  const Silence* found = Find(alert, now_us);
  if (found == nullptr) return "";
  if (found->kind == Silence::Kind::kShelve && found->caught.empty() && alert.firing) {
    silences_[found->id].caught = alert.fingerprint;
    changed_.push_back(found->id);
  }
  return found->id;
}

std::string SilenceSet::CatchesNow(const AlertMessage& alert, std::int64_t now_us) const {
  const Silence* found = Find(alert, now_us);
  return found == nullptr ? "" : found->id;
}

void SilenceSet::OnResolved(const AlertMessage& alert, std::int64_t now_us) {
  for (auto& [id, silence] : silences_) {
    if (silence.kind == Silence::Kind::kSilence || silence.caught != alert.fingerprint) continue;
    if (!silence.ActiveAt(now_us)) continue;
    silence.ends_at_us = now_us;
    changed_.push_back(id);
  }
}

void SilenceSet::Sweep(std::int64_t now_us) {
  std::erase_if(silences_, [this, now_us](const auto& item) {
    const Silence& silence = item.second;
    const bool old = silence.ends_at_us != 0 && silence.ends_at_us < now_us - kRetention;
    if (old) changed_.push_back(silence.id);
    return old;
  });
}

const std::map<std::string, Silence>& SilenceSet::all() const {
  return silences_;
}

void SilenceSet::Save(bool everything, const Put& put) {
  if (everything) {
    for (const auto& [id, silence] : silences_) changed_.push_back(id);
  }
  std::ranges::sort(changed_);
  const auto rest = std::ranges::unique(changed_);
  changed_.erase(rest.begin(), rest.end());
  for (const std::string& id : changed_) {
    const auto at = silences_.find(id);
    put(std::string(kKeyPrefix) + id, at == silences_.end() ? "" : at->second.ToJson());
  }
  changed_.clear();
}

bool SilenceSet::Load(std::string_view key, std::string_view value) {
  if (!key.starts_with(kKeyPrefix)) return false;
  Result<Silence> silence = Silence::FromJson(value);
  if (!silence || silence->id != key.substr(kKeyPrefix.size())) return false;
  if (silences_.size() >= kMaxSilences) return false;
  silences_[silence->id] = std::move(*silence);
  return true;
}

}  // namespace tocsin
