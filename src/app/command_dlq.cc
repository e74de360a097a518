#include <CLI/CLI.hpp>
#include <cstdio>
#include <limits>

#include "app/commands.h"
#include "app/dead_letters.h"
#include "app/open_log.h"
#include "base/text.h"

// `dlq ls`, `dlq show` and `dlq replay`: the dead letters.
namespace tocsin {
namespace {

struct DlqFlags {
  std::string reason;
  std::optional<std::uint64_t> max;
};

std::string CheckReason(const std::string& text) {
  if (FindRejectReason(text)) return "";
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    names.push_back(RejectReasonName(static_cast<RejectReason>(i)));
  }
  const std::string_view near = Nearest(text, names);
  std::string problem = "there is no reason '" + text + "'";
  if (!near.empty()) return problem + "; did you mean " + std::string(near) + "?";
  problem += "; the reasons are";
  for (const std::string_view name : names) problem += " " + std::string(name);
  return problem;
}

Result<int> RunList(Session& session, const DlqFlags& flags) {
  TOCSIN_ASSIGN(const OpenedLog opened,
                OpenLog(session.settings, session.clock, LogAccess::kRead, "dlq", session.stop));
  std::uint64_t counts[kRejectReasonCount] = {};
  std::uint64_t total = 0;
  TOCSIN_TRY(VisitDeadLetters(*opened.log, session.settings.dlq_topic, flags.reason,
                              [&](const StoredDeadLetter& letter) {
                                ++total;
                                if (letter.known_reason) {
                                  ++counts[static_cast<std::size_t>(*letter.known_reason)];
                                }
                                return !session.stop.stop_requested();
                              }));
  std::string json = "{\"total\":" + std::to_string(total) + ",\"reasons\":{";
  std::string text;
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    const std::string_view name = RejectReasonName(static_cast<RejectReason>(i));
    json += (i > 1 ? ",\"" : "\"") + std::string(name) + "\":" + std::to_string(counts[i]);
    char line[96];
    std::snprintf(line, sizeof line, "%-18.18s %14s\n", name.data(), Grouped(counts[i]).c_str());
    if (counts[i] > 0) text += line;
  }
  char line[96];
  std::snprintf(line, sizeof line, "%-18s %14s\n", "total", Grouped(total).c_str());
  session.out.Write(session.json ? json + "}}\n" : text + line);
  return 0;
}

Result<int> RunShow(Session& session, const DlqFlags& flags) {
  TOCSIN_ASSIGN(const OpenedLog opened,
                OpenLog(session.settings, session.clock, LogAccess::kRead, "dlq", session.stop));
  std::uint64_t left = flags.max.value_or(std::numeric_limits<std::uint64_t>::max());
  if (left == 0) return 0;
  TOCSIN_TRY(VisitDeadLetters(
      *opened.log, session.settings.dlq_topic, flags.reason, [&](const StoredDeadLetter& letter) {
        session.out.Line(DeadLetterJson(letter));
        return --left > 0 && !session.out.closed() && !session.stop.stop_requested();
      }));
  return 0;
}

Result<int> RunReplay(Session& session, const DlqFlags& flags) {
  TOCSIN_TRY(RequireLog(session.settings));
  TOCSIN_ASSIGN(const OpenedLog opened,
                OpenLog(session.settings, session.clock, LogAccess::kShared, "dlq", session.stop));
  TOCSIN_ASSIGN(const ReplayReport report,
                ReplayDeadLetters(session.settings, *opened.log, flags.reason,
                                  [&] { return session.stop.stop_requested(); }));
  if (session.json) {
    session.out.Line("{\"replayed\":" + std::to_string(report.replayed) +
                     ",\"replayed_before\":" + std::to_string(report.replayed_before) +
                     ",\"truncated\":" + std::to_string(report.truncated) + "}");
    return 0;
  }
  session.out.Line("replayed " + Grouped(report.replayed) + " dead letters into " +
                   session.settings.raw_topic);
  if (report.replayed_before > 0) {
    session.out.Line(Grouped(report.replayed_before) + " were replayed before and are left out");
  }
  if (report.truncated > 0) {
    session.out.Line(Grouped(report.truncated) +
                     " cannot be replayed: they were too large and only their head was kept");
  }
  return 0;
}

void AddReasonFlag(CLI::App& command, DlqFlags& flags) {
  command.add_option("--reason", flags.reason, "Dead letters of this reason only")
      ->type_name("REASON")
      ->check(CheckReason, "", "");
}

using Body = Result<int> (*)(Session&, const DlqFlags&);

CLI::App* AddDlq(CLI::App& family, Invocation& invocation, const char* name, const char* help,
                 Body body, const std::shared_ptr<DlqFlags>& flags) {
  CLI::App* command = family.add_subcommand(name, help);
  AddReasonFlag(*command, *flags);
  command->callback([flags, body, &invocation] {
    invocation.run = [flags, body](Session& session) { return body(session, *flags); };
  });
  return command;
}

}  // namespace

void AddDlqCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* family = root.add_subcommand("dlq", "The dead letters");
  family->require_subcommand(1);
  AddDlq(*family, invocation, "ls", "Count them by reason", RunList, std::make_shared<DlqFlags>());
  auto flags = std::make_shared<DlqFlags>();
  AddDlq(*family, invocation, "show",
         "Print them, one JSON object each: reason, message, source, value", RunShow, flags)
      ->add_option("--max", flags->max, "At most so many")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  AddDlq(*family, invocation, "replay", "Append them to the raw topic again, each at most once",
         RunReplay, std::make_shared<DlqFlags>());
}

}  // namespace tocsin
