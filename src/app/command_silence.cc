#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/desk.h"
#include "base/random.h"
#include "base/time_text.h"
#include "config/units.h"

// `silence add|ack|shelve|ls|expire|alerts`: notifications that are not wanted for now.
namespace tocsin {
namespace {

using Json = nlohmann::json;

struct SilenceFlags {
  std::vector<std::string> matchers;
  std::string duration;
  std::string comment;
  std::string created_by;
  std::string id;
};

std::string NewId() {
  char text[17];
  SeededRandom random(RandomSeed());
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(random.Next()));
  return text;
}

std::string CurrentUser() {
  const char* name = std::getenv("USER");
  return name == nullptr ? "tocsin" : name;
}

std::unexpected<Error> WrongUse(std::string message) {
  return Fail(Code::kUsage, std::move(message));
}

Result<std::vector<Matcher>> ReadMatchers(const std::vector<std::string>& texts) {
  std::vector<Matcher> matchers;
  std::string joined;
  for (const std::string& text : texts) {
    const Result<std::vector<Matcher>> parsed = ParseMatchers(text);
    if (!parsed) return WrongUse("matcher '" + text + "': " + parsed.error().message());
    matchers.insert(matchers.end(), parsed->begin(), parsed->end());
    joined += (joined.empty() ? "" : " ") + text;
  }
  if (MatchesAll(matchers, {})) {
    return WrongUse("'" + joined +
                    "' would catch every alert; add a matcher that does not match the empty text, "
                    "like severity=critical");
  }
  return matchers;
}

Result<int> Put(Session& session, const SilenceFlags& flags, Silence silence) {
  silence.id = NewId();
  silence.starts_at_us = silence.created_at_us = session.clock.WallUs();
  silence.created_by = flags.created_by.empty() ? CurrentUser() : flags.created_by;
  silence.comment = flags.comment;
  if (!flags.duration.empty()) {
    TOCSIN_ASSIGN(const std::int64_t duration_us, ParseDurationUs(flags.duration));
    if (duration_us <= 0) {
      return WrongUse("--duration " + flags.duration + " is no time; give one above 0 such as 2h");
    }
    silence.ends_at_us = silence.starts_at_us + duration_us;
  }
  if (silence.kind != Silence::Kind::kAcknowledge) {
    TOCSIN_ASSIGN(silence.matchers, ReadMatchers(flags.matchers));
  }
  TOCSIN_TRY(AskDesk(session, "silences.add", silence.ToJson(), true));
  session.out.Line(session.json ? Json{{"id", silence.id}}.dump() : silence.id);
  return 0;
}

Result<int> RunAdd(Session& session, const SilenceFlags& flags) {
  return Put(session, flags, Silence());
}

Result<int> RunShelve(Session& session, const SilenceFlags& flags) {
  Silence silence;
  silence.kind = Silence::Kind::kShelve;
  return Put(session, flags, std::move(silence));
}

Result<int> RunAcknowledge(Session& session, const SilenceFlags& flags) {
  Silence silence;
  silence.kind = Silence::Kind::kAcknowledge;
  silence.caught = flags.id;
  return Put(session, flags, std::move(silence));
}

Result<int> RunExpire(Session& session, const SilenceFlags& flags) {
  TOCSIN_ASSIGN(const std::string answer,
                AskDesk(session, "silences.expire", Json{{"id", flags.id}}.dump(), true));
  session.out.Line(session.json ? answer : "ended: " + flags.id);
  return 0;
}

// Tables as the service gives them: one line an entry, the members that matter.
Result<int> PrintTable(Session& session, std::string_view request,
                       std::initializer_list<const char*> columns) {
  TOCSIN_ASSIGN(const std::string answer, AskDesk(session, request, "{}", false));
  if (session.json) {
    session.out.Line(answer);
    return 0;
  }
  std::string head;
  for (const char* column : columns) head += (head.empty() ? "" : "  ") + std::string(column);
  session.out.Line(head);
  for (const Json& entry : Json::parse(answer, nullptr, false)) {
    std::string line;
    for (const char* column : columns) {
      const auto found = entry.find(column);
      if (!line.empty()) line += "  ";
      if (found == entry.end()) {
        line += "-";
      } else {
        line += found->is_string() ? found->get<std::string>() : found->dump();
      }
    }
    session.out.Line(line);
  }
  return 0;
}

Result<int> RunList(Session& session, const SilenceFlags&) {
  return PrintTable(session, "silences.list",
                    {"id", "kind", "startsAt", "endsAt", "createdBy", "matchers", "comment"});
}

Result<int> RunAlerts(Session& session, const SilenceFlags&) {
  return PrintTable(session, "alerts.list",
                    {"fingerprint", "state", "severity", "rule", "device_id", "starts_at",
                     "inhibited", "muted", "silenced_by"});
}

using Body = Result<int> (*)(Session&, const SilenceFlags&);

struct Made {
  CLI::App* command;
  std::shared_ptr<SilenceFlags> flags;
};

Made Add(CLI::App& family, Invocation& invocation, const char* name, const char* help, Body body) {
  auto flags = std::make_shared<SilenceFlags>();
  CLI::App* command = family.add_subcommand(name, help);
  command->callback([flags, body, &invocation] {
    invocation.run = [flags, body](Session& session) { return body(session, *flags); };
  });
  return {command, flags};
}

void AddAuthor(const Made& made) {
  made.command->add_option("--comment", made.flags->comment, "Why")->type_name("TEXT");
  made.command->add_option("--author", made.flags->created_by, "Who (default: $USER)")
      ->type_name("NAME");
}

void AddMatchers(const Made& made, bool duration_required) {
  made.command
      ->add_option("MATCHER", made.flags->matchers,
                   "What it catches, as severity=critical or device_id=~\"press_.*\"")
      ->required()
      ->type_name("");
  CLI::Option* duration =
      made.command->add_option("--duration", made.flags->duration, "How long at most, as 2h")
          ->type_name("DURATION")
          ->check(CheckDuration, "", "");
  if (duration_required) duration->default_val("2h");
  AddAuthor(made);
}

}  // namespace

void AddSilenceCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* family = root.add_subcommand("silence", "Notifications that are not wanted for now");
  family->require_subcommand(1);
  AddMatchers(Add(*family, invocation, "add", "Tell nobody of matching alerts for a time", RunAdd),
              true);
  const Made ack =
      Add(*family, invocation, "ack", "Do not repeat one alert until it resolves; its end is told",
          RunAcknowledge);
  ack.command->add_option("FINGERPRINT", ack.flags->id, "The alert, as `silence alerts` names it")
      ->required();
  AddAuthor(ack);
  AddMatchers(Add(*family, invocation, "shelve",
                  "Tell nobody of the first matching alert until it resolves", RunShelve),
              false);
  Add(*family, invocation, "ls", "List silences, acknowledgements and shelves", RunList);
  const Made expire = Add(*family, invocation, "expire", "End one now", RunExpire);
  expire.command->add_option("ID", expire.flags->id, "The silence")->required();
  Add(*family, invocation, "alerts", "The alerts held, with why one is not told", RunAlerts);
}

}  // namespace tocsin
