#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/desk.h"

// `deliveries ls`, `deliveries show` and `deliveries redeliver`: the outbox.
namespace tocsin {
namespace {

using Json = nlohmann::json;

struct DeliveriesFlags {
  std::string state;
  std::string channel;
  std::uint64_t max = 100;
  std::string id;
};

Result<int> RunList(Session& session, const DeliveriesFlags& flags) {
  const Json query = {{"state", flags.state}, {"channel", flags.channel}, {"max", flags.max}};
  TOCSIN_ASSIGN(const std::string answer, AskDesk(session, "deliveries.list", query.dump(), false));
  if (session.json) {
    session.out.Line(answer);
    return 0;
  }
  char line[512];
  std::snprintf(line, sizeof line, "%-16s  %-7s  %8s  %-20s  %-24s  %s\n", "id", "state",
                "attempts", "queued", "channel", "summary");
  session.out.Write(line);
  for (const Json& row : Json::parse(answer, nullptr, false)) {
    std::snprintf(line, sizeof line, "%-16s  %-7s  %8llu  %-20.19s  %-24.24s  %.200s\n",
                  row.value("id", "").c_str(), row.value("state", "").c_str(),
                  row.value("attempts", 0ULL), row.value("queued_at", "").c_str(),
                  row.value("channel", "").c_str(), row.value("summary", "").c_str());
    session.out.Write(line);
  }
  return 0;
}

Result<int> RunShow(Session& session, const DeliveriesFlags& flags) {
  TOCSIN_ASSIGN(const std::string answer,
                AskDesk(session, "deliveries.show", Json{{"id", flags.id}}.dump(), false));
  session.out.Line(session.json ? answer : Json::parse(answer, nullptr, false).dump(2));
  return 0;
}

Result<int> RunRedeliver(Session& session, const DeliveriesFlags& flags) {
  TOCSIN_ASSIGN(const std::string answer,
                AskDesk(session, "deliveries.redeliver", Json{{"id", flags.id}}.dump(), true));
  session.out.Line(session.json ? answer : "queued again: " + flags.id);
  return 0;
}

using Body = Result<int> (*)(Session&, const DeliveriesFlags&);

CLI::App* Add(CLI::App& family, Invocation& invocation, const char* name, const char* help,
              Body body, const std::shared_ptr<DeliveriesFlags>& flags) {
  CLI::App* command = family.add_subcommand(name, help);
  command->callback([flags, body, &invocation] {
    invocation.run = [flags, body](Session& session) { return body(session, *flags); };
  });
  return command;
}

}  // namespace

void AddDeliveriesCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* family = root.add_subcommand("deliveries", "Notifications on their way to people");
  family->require_subcommand(1);
  auto flags = std::make_shared<DeliveriesFlags>();
  CLI::App* list = Add(*family, invocation, "ls", "List deliveries, newest first", RunList, flags);
  list->add_option("--state", flags->state, "Only those: queued, sending, done or dead")
      ->type_name("STATE")
      ->check(CLI::IsMember({"queued", "sending", "done", "dead"}), "", "");
  list->add_option("--channel", flags->channel, "Only those of this channel")->type_name("NAME");
  list->add_option("--max", flags->max, "At most so many")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  flags = std::make_shared<DeliveriesFlags>();
  Add(*family, invocation, "show", "One delivery with its attempts and its message", RunShow, flags)
      ->add_option("ID", flags->id, "The delivery")
      ->required();
  flags = std::make_shared<DeliveriesFlags>();
  Add(*family, invocation, "redeliver", "Queue a dead or done delivery again, with the same id",
      RunRedeliver, flags)
      ->add_option("ID", flags->id, "The delivery")
      ->required();
}

}  // namespace tocsin
