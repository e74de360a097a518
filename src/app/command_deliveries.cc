#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/desk.h"
#include "app/table_text.h"

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

struct ListWidths {
  std::size_t channel = 24, summary = 40, error = 0;
};

// What the terminal leaves for the texts; a pipe gets the whole error.
ListWidths WidthsFor(std::size_t columns) {
  ListWidths widths;
  if (columns == 0) return widths;
  constexpr std::size_t kFixed = 62;  // id, state, attempts, time, and the spaces between all
  const std::size_t left = std::max<std::size_t>(columns, 100) - kFixed;
  widths.channel = std::min(widths.channel, left / 4);
  widths.summary = std::min(widths.summary, left * 3 / 8);
  widths.error = left - widths.channel - widths.summary;
  return widths;
}

Result<int> RunList(Session& session, const DeliveriesFlags& flags) {
  const Json query = {{"state", flags.state}, {"channel", flags.channel}, {"max", flags.max}};
  TOCSIN_ASSIGN(const std::string answer, AskDesk(session, "deliveries.list", query.dump(), false));
  if (session.json) {
    session.out.Line(answer);
    return 0;
  }
  const ListWidths widths = WidthsFor(TerminalColumns());
  const auto line = [&](std::string_view id, std::string_view state, std::string_view attempts,
                        std::string_view queued, std::string_view channel, std::string_view summary,
                        std::string_view error) {
    std::string text = TableCell(id, 16) + "  " + TableCell(state, 7) + "  ";
    text += std::string(8 - std::min<std::size_t>(8, attempts.size()), ' ').append(attempts);
    text += "  " + TableCell(queued.substr(0, 19), 19) + "  " + TableCell(channel, widths.channel) +
            "  " + TableCell(summary, widths.summary) + "  " + TableCell(error, widths.error);
    text.erase(text.find_last_not_of(' ') + 1);
    session.out.Line(text);
  };
  line("id", "state", "attempts", "queued", "channel", "summary", "last error");
  for (const Json& row : Json::parse(answer, nullptr, false)) {
    line(row.value("id", ""), row.value("state", ""), std::to_string(row.value("attempts", 0ULL)),
         row.value("queued_at", ""), row.value("channel", ""), row.value("summary", ""),
         row.value("last_error", ""));
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
