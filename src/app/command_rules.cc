#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/open_log.h"
#include "app/progress_line.h"
#include "base/error_list.h"
#include "config/units.h"
#include "offline/backtest.h"
#include "offline/rule_check.h"
#include "offline/rule_test.h"
#include "process/rules_in_force.h"

// `rules check`, `rules test` and `rules backtest`: rules before they go live.
namespace tocsin {
namespace {

struct BacktestFlags {
  std::string file;
  std::vector<std::string> inputs;
  std::string labels;
  std::string grace = "5m";
  int threads = 0;
  std::size_t limit_alerts = 20;
};

void PrintCheck(Session& session, const RuleCheck& check) {
  std::string text = RuleCheckText(check);
  if (!text.ends_with('\n')) text += '\n';
  if (check.ok()) {
    session.out.Write(text);
  } else {
    std::fputs(text.c_str(), stderr);
  }
}

Result<int> RunCheck(Session& session, const std::vector<std::string>& paths) {
  TOCSIN_ASSIGN(const std::vector<std::string> files, RuleFilesOf(paths));
  std::vector<RuleCheck> checks;
  ErrorList errors;
  for (const std::string& file : files) {
    auto check = CheckRuleFile(session.settings, file);
    errors.Check(check);
    if (check) checks.push_back(std::move(*check));
  }
  const bool one = paths.size() == 1 && files == paths;
  if (session.json && errors.empty()) {
    session.out.Line(one ? RuleCheckJson(checks.front()) : RuleChecksJson(checks));
  } else if (!session.json) {
    for (const RuleCheck& check : checks) PrintCheck(session, check);
  }
  TOCSIN_TRY(errors.Finish());
  return std::ranges::all_of(checks, &RuleCheck::ok) ? kExitOk : kExitConfiguration;
}

Result<int> RunTest(Session& session, const std::vector<std::string>& paths) {
  std::vector<RuleTestReport> reports;
  ErrorList errors;
  bool ok = true;
  for (const std::string& path : paths) {
    const auto file = ReadRuleTestFile(path);
    errors.Check(file);
    if (!file) continue;
    auto report = RunRuleTests(session.settings, *file);
    errors.Check(report);
    if (!report) continue;
    ok = ok && report->ok();
    reports.push_back(std::move(*report));
  }
  TOCSIN_TRY(errors.Finish());
  session.out.Write(session.json ? RuleTestJson(reports) + "\n" : RuleTestText(reports));
  return ok ? kExitOk : kExitFailed;
}

Result<int> RunBacktestCommand(Session& session, const BacktestFlags& flags) {
  Settings settings = session.settings;
  settings.rules_file = flags.file;
  TOCSIN_ASSIGN(const std::shared_ptr<const RulesInForce> in_force, RulesInForce::Load(settings));
  const RuleSet& rules = in_force->rules;
  BacktestOptions options;
  options.directory = in_force->directory.get();
  options.fleet = in_force->fleet ? &*in_force->fleet : nullptr;
  options.fleet_version = in_force->fleet_version;
  options.inputs = flags.inputs;
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.threads = flags.threads > 0 ? flags.threads : processors;
  options.list_alerts = flags.limit_alerts;
  TOCSIN_ASSIGN(options.grace_us, ParseDurationUs(flags.grace));
  std::optional<FaultLabels> labels;
  if (!flags.labels.empty()) {
    TOCSIN_ASSIGN(labels, FaultLabels::Read(flags.labels));
    options.labels = &*labels;
  }
  OpenedLog opened;
  const bool from_log = std::ranges::any_of(
      flags.inputs, [](const auto& input) { return input.starts_with("topic:"); });
  if (from_log) {
    TOCSIN_ASSIGN(
        opened, OpenLog(session.settings, session.clock, LogAccess::kRead, "rules", session.stop));
  }
  ProgressLine line("backtest", "events", session.clock);
  options.progress = [&](std::uint64_t events, std::uint64_t done, std::uint64_t all) {
    line.Update(events, done, all);
  };
  auto report = RunBacktest(settings, rules, options, opened.log.get(), session.stop);
  line.Clear();
  if (!report) return std::unexpected(std::move(report).error());
  session.out.Write(session.json ? BacktestJson(rules, *report) + "\n"
                                 : BacktestText(rules, *report));
  return kExitOk;
}

void AddCheck(CLI::App& family, Invocation& invocation) {
  CLI::App* command =
      family.add_subcommand("check", "Check rule files: every mistake with its place");
  auto paths = std::make_shared<std::vector<std::string>>();
  command
      ->add_option("FILE", *paths,
                   "Rule files; of a directory every .yaml and .yml file directly in it")
      ->type_name("")
      ->required();
  command->callback([paths, &invocation] {
    invocation.run = [paths](Session& session) { return RunCheck(session, *paths); };
  });
}

void AddTest(CLI::App& family, Invocation& invocation) {
  CLI::App* command = family.add_subcommand("test", "Run the tests of rule files");
  auto paths = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *paths, "Test files")->type_name("")->required();
  command->callback([paths, &invocation] {
    invocation.run = [paths](Session& session) { return RunTest(session, *paths); };
  });
}

void AddBacktest(CLI::App& family, Invocation& invocation) {
  CLI::App* command = family.add_subcommand("backtest", "Run rules over past events");
  auto flags = std::make_shared<BacktestFlags>();
  command->add_option("FILE", flags->file, "The rule file")->type_name("")->required();
  command
      ->add_option("--input", flags->inputs,
                   "Files (.gz and .zst too), directories, globs, - or topic:NAME")
      ->type_name("PATH")
      ->required();
  command
      ->add_option("--labels", flags->labels,
                   "Known faults, as `generate --labels-out` writes them: adds scores")
      ->type_name("FILE");
  command
      ->add_option("--grace", flags->grace,
                   "An alert so long after a fault's end still counts as its")
      ->type_name("DURATION")
      ->check(CheckDuration, "", "")
      ->capture_default_str();
  command->add_option("--threads", flags->threads, "Threads [all processors]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command->add_option("--limit-alerts", flags->limit_alerts, "List so many alerts, earliest first")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->callback([flags, &invocation] {
    invocation.run = [flags](Session& session) { return RunBacktestCommand(session, *flags); };
  });
}

}  // namespace

void AddRulesCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* family = root.add_subcommand("rules", "Rule files: check, test and backtest");
  family->require_subcommand(1);
  AddCheck(*family, invocation);
  AddTest(*family, invocation);
  AddBacktest(*family, invocation);
}

}  // namespace tocsin
