#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/desk.h"
#include "app/exit_code.h"

// `channels ls`, `channels test` and `channels enable`.
namespace tocsin {
namespace {

using Json = nlohmann::json;

std::string StateOf(const Json& channel) {
  if (!channel.value("configured", true)) return "not configured";
  if (channel.value("disabled", false)) return "disabled";
  if (channel.contains("paused_until") && channel["paused_until"].is_string()) return "paused";
  return channel.value("breaker", "") == "closed" ? "ok"
                                                  : "breaker " + channel.value("breaker", "");
}

Result<int> RunList(Session& session) {
  TOCSIN_ASSIGN(const std::string answer, AskDesk(session, "channels.list", "{}", false));
  if (session.json) {
    session.out.Line(answer);
    return 0;
  }
  char line[256];
  std::snprintf(line, sizeof line, "%-32s  %-12s  %-18s  %8s  %10s  %8s\n", "channel", "kind",
                "state", "queued", "delivered", "dead");
  session.out.Write(line);
  for (const Json& channel : Json::parse(answer, nullptr, false)) {
    std::snprintf(line, sizeof line, "%-32.32s  %-12.12s  %-18s  %8llu  %10llu  %8llu\n",
                  channel.value("name", "").c_str(), channel.value("kind", "").c_str(),
                  StateOf(channel).c_str(),
                  channel.value("queued", 0ULL) + channel.value("sending", 0ULL),
                  channel.value("delivered", 0ULL), channel.value("dead", 0ULL));
    session.out.Write(line);
  }
  return 0;
}

Result<int> RunTest(Session& session, const std::string& name) {
  TOCSIN_ASSIGN(const std::string answer,
                AskDesk(session, "channels.test", Json{{"name", name}}.dump(), true));
  const Json outcome = Json::parse(answer, nullptr, false);
  const bool delivered = outcome.value("outcome", "") == "delivered";
  if (session.json) {
    session.out.Line(answer);
  } else {
    const int status = outcome.value("status", 0);
    session.out.Line(
        name + ": " + (delivered ? "delivered" : "not delivered") +
        (status > 0 ? " (status " + std::to_string(status) + ")" : "") +
        (outcome.value("message", "").empty() ? "" : ": " + outcome.value("message", "")));
  }
  return delivered ? kExitOk : kExitFailed;
}

Result<int> RunEnable(Session& session, const std::string& name) {
  TOCSIN_ASSIGN(const std::string answer,
                AskDesk(session, "channels.enable", Json{{"name", name}}.dump(), true));
  session.out.Line(session.json ? answer : "enabled: " + name);
  return 0;
}

void AddNamed(CLI::App& family, Invocation& invocation, const char* name, const char* help,
              Result<int> (*body)(Session&, const std::string&)) {
  CLI::App* command = family.add_subcommand(name, help);
  auto channel = std::make_shared<std::string>();
  command->add_option("NAME", *channel, "The channel, as `channels ls` names it")->required();
  command->callback([channel, body, &invocation] {
    invocation.run = [channel, body](Session& session) { return body(session, *channel); };
  });
}

}  // namespace

void AddChannelsCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* family = root.add_subcommand("channels", "The channels that notifications go by");
  family->require_subcommand(1);
  CLI::App* list = family->add_subcommand("ls", "List them with their state");
  list->callback([&invocation] { invocation.run = RunList; });
  AddNamed(*family, invocation, "test", "Send a test notification and tell the outcome", RunTest);
  AddNamed(*family, invocation, "enable", "Use a channel again that its service has ended (410)",
           RunEnable);
}

}  // namespace tocsin
