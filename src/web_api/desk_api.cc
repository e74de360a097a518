#include "web_api/desk_api.h"

#include <nlohmann/json.hpp>

#include "base/logging.h"
#include "base/random.h"
#include "base/time_text.h"
#include "web_api/api_json.h"
#include "web_api/query.h"

namespace tocsin {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kLongestSeconds = 366LL * 24 * 3600;

ServerResponse Ok(std::string body, int status = 200) {
  ServerResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// The body as a JSON object; null when it is none.
Json ObjectOf(const ServerRequest& request) {
  Json json = Json::parse(request.body, nullptr, false);
  return json.is_object() ? json : Json();
}

ServerResponse NoObject() {
  return Problem(400, "the body is no JSON object");
}

std::string TextOf(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found == json.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string NewId() {
  char text[17];
  SeededRandom random(RandomSeed());
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(random.Next()));
  return text;
}

}  // namespace

ServerResponse DeskApi::Answer(const ServerRequest& request) {
  const std::string_view path = std::string_view(request.path).substr(sizeof("/api/v1/") - 1);
  if (path == "deliveries") return Deliveries(request);
  if (path == "delivery") return Delivery(request);
  if (path == "channels") return List("channels", "channels.list", "{}");
  if (path == "silences" && request.method == "GET") return Silences();
  if (path == "silences") return AddSilence(request, false);
  if (path == "alerts/acknowledge") return AddSilence(request, true);
  if (path == "dead-letters/replay") return Replay(request);
  if (path == "deliveries/redeliver") return Change(request, "id", "deliveries.redeliver");
  if (path == "channels/test") return Change(request, "name", "channels.test");
  if (path == "channels/enable") return Change(request, "name", "channels.enable");
  if (path == "silences/expire") return Change(request, "id", "silences.expire");
  return Problem(404, "there is nothing at this path");
}

Result<std::string> DeskApi::Ask(std::string_view name, const std::string& argument) {
  if (!parts_.backend.desk) {
    return Fail(Code::kFailedPrecondition,
                "no channel is configured; set ALERT_ROUTES_FILE or ALERT_WEBHOOK_URL and start "
                "again");
  }
  return parts_.backend.desk(name, argument);
}

ServerResponse DeskApi::List(std::string_view member, std::string_view name,
                             const std::string& argument) {
  std::string out = "{";
  AppendMember(out, "enabled", static_cast<bool>(parts_.backend.desk));
  AppendName(out, member);
  if (!parts_.backend.desk) return Ok(out + "[]}");
  const auto answer = Ask(name, argument);
  if (!answer) return ProblemOf(answer.error());
  return Ok(out + *answer + "}");
}

ServerResponse DeskApi::Deliveries(const ServerRequest& request) {
  const auto limit = NumberParameter(request, "limit", 1, 10'000, 100);
  if (!limit) return ProblemOf(limit.error());
  if (const auto state = request.Parameter("state"); state && !state->empty()) {
    const auto known = ChoiceParameter(request, "state", "queued sending done dead");
    if (!known) return ProblemOf(known.error());
  }
  const Json argument{{"state", TextParameter(request, "state")},
                      {"channel", TextParameter(request, "channel")},
                      {"max", *limit}};
  return List("deliveries", "deliveries.list", Dump(argument));
}

ServerResponse DeskApi::Delivery(const ServerRequest& request) {
  if (!parts_.backend.desk) return Ok(R"({"delivery":null})");
  const Json argument{{"id", TextParameter(request, "id")}};
  const auto answer = Ask("deliveries.show", Dump(argument));
  if (!answer && answer.error().code() == Code::kNotFound) return Ok(R"({"delivery":null})");
  if (!answer) return ProblemOf(answer.error());
  return Ok(R"({"delivery":)" + *answer + "}");
}

ServerResponse DeskApi::Silences() {
  if (!parts_.backend.desk) return List("silences", "silences.list", "{}");
  const auto answer = Ask("silences.list", "{}");
  if (!answer) return ProblemOf(answer.error());
  Json list = Json::parse(*answer, nullptr, false);
  if (!list.is_array()) return Problem(500, "the delivery gave no list");
  const std::int64_t now_us = parts_.clock.WallUs();
  for (Json& item : list) {
    const auto starts = ParseTime(TextOf(item, "startsAt"));
    const auto ends = ParseTime(TextOf(item, "endsAt"));
    item["active"] = (!starts || *starts <= now_us) && (!ends || now_us < *ends);
  }
  return Ok(R"({"enabled":true,"silences":)" + Dump(list) + "}");
}

ServerResponse DeskApi::Replay(const ServerRequest& request) {
  const Json body = ObjectOf(request);
  if (body.is_null()) return NoObject();
  const auto report = parts_.backend.replay(TextOf(body, "reason"));
  if (!report) return ProblemOf(report.error());
  LogInfo("audit", "dead letters replayed",
          {{"by", request.user}, {"peer", request.peer}, {"reason", TextOf(body, "reason")}});
  return Ok(*report);
}

ServerResponse DeskApi::AddSilence(const ServerRequest& request, bool acknowledge) {
  const Json body = ObjectOf(request);
  if (body.is_null()) return NoObject();
  std::int64_t seconds = 0;
  if (const auto given = body.find("duration_seconds"); given != body.end()) {
    if (!given->is_number_integer() || given->get<std::int64_t>() < 1 ||
        given->get<std::int64_t>() > kLongestSeconds) {
      return Problem(
          400, "duration_seconds: a whole number from 1 to " + std::to_string(kLongestSeconds));
    }
    seconds = given->get<std::int64_t>();
  }
  const std::int64_t now_us = parts_.clock.WallUs();
  std::int64_t starts_us = now_us;
  if (const auto given = body.find("starts_ms"); given != body.end()) {
    constexpr std::int64_t kFarthestMs = 253'402'300'800'000;
    if (!given->is_number_integer() || given->get<std::int64_t>() < 0 ||
        given->get<std::int64_t>() > kFarthestMs) {
      return Problem(400, "starts_ms: Unix milliseconds");
    }
    starts_us = given->get<std::int64_t>() * 1000;
  }
  std::string kind = body.contains("kind") ? TextOf(body, "kind") : "silence";
  if (acknowledge) kind = "acknowledge";
  if (!acknowledge && kind != "silence" && kind != "shelve") {
    return Problem(400, "kind: silence or shelve");
  }
  if (!acknowledge && (seconds == 0 || !body.contains("matchers"))) {
    return Problem(400, "matchers and duration_seconds must be there");
  }
  const std::string id = NewId();
  Json silence{{"id", id},
               {"kind", kind},
               {"matchers", acknowledge ? Json::array() : body["matchers"]},
               {"startsAt", FormatTime(starts_us)},
               {"createdAt", FormatTime(now_us)},
               {"createdBy", request.user.empty() ? "dashboard" : request.user},
               {"comment", TextOf(body, "comment")}};
  if (seconds > 0) silence["endsAt"] = FormatTime(starts_us + seconds * 1'000'000);
  if (acknowledge) silence["caught"] = TextOf(body, "fingerprint");
  const auto answer = Ask("silences.add", Dump(silence));
  if (!answer) return ProblemOf(answer.error());
  LogInfo("audit", "silence added", {{"by", request.user}, {"peer", request.peer}, {"id", id}});
  return Ok(R"({"id":")" + id + "\"}", 201);
}

ServerResponse DeskApi::Change(const ServerRequest& request, std::string_view member,
                               std::string_view name) {
  const Json body = ObjectOf(request);
  if (body.is_null()) return NoObject();
  const std::string value = TextOf(body, std::string(member).c_str());
  if (value.empty()) return Problem(400, "the member " + std::string(member) + " must be there");
  const Json argument{{std::string(member), value}};
  const auto answer = Ask(name, Dump(argument));
  if (!answer) return ProblemOf(answer.error());
  LogInfo("audit", name, {{"by", request.user}, {"peer", request.peer}, {"what", value}});
  return Ok(*answer);
}

}  // namespace tocsin
