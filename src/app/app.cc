#include "app/app.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/build_info.h"
#include "app/cli_tree.h"
#include "app/exit_code.h"
#include "app/stop_signals.h"
#include "base/logging.h"
#include "base/text.h"

namespace tocsin {
namespace {

// An error of the whole command, for people on standard error; as a log line when the messages
// are read by a machine.
void PrintError(const std::string& message, LogFormat format) {
  if (format == LogFormat::kJson) {
    LogError("tocsin", message);
  } else {
    std::fprintf(stderr, "tocsin: %s\n", message.c_str());
  }
}

// The command of the tree that the command line reached.
const CLI::App& DeepestParsed(const CLI::App& command) {
  const auto parsed = command.get_subcommands();
  return parsed.empty() ? command : DeepestParsed(*parsed.front());
}

// "unknown command 'ingets'; did you mean ingest?"
std::string DescribeUnexpected(const CLI::App& root, const std::string& word) {
  const CLI::App& command = DeepestParsed(root);
  const bool flag = word.starts_with("-");
  const auto commands = CommandsOf(command);
  std::vector<std::string> known;
  if (flag) {
    known = FlagsOf(command);
  } else {
    for (const CLI::App* child : commands) known.push_back(child->get_name());
  }
  const std::string name = word.substr(0, word.find('='));
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const std::string_view near = Nearest(name, candidates);
  std::string message = flag               ? "unknown flag " + name
                        : commands.empty() ? "unexpected argument '" + word + "'"
                                           : "unknown command '" + word + "'";
  if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
  return message;
}

std::string PathOf(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : PathOf(*parent) + " " + command.get_name();
}

int ReportUsage(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& command = DeepestParsed(root);
  std::string message = error.what();
  const std::vector<std::string> unexpected = root.remaining(true);
  if (!unexpected.empty()) {
    message = DescribeUnexpected(root, unexpected.front());
  } else if (!CommandsOf(command).empty()) {
    message = "a command is missing";
  }
  std::fprintf(stderr, "tocsin: %s\nSee `%s --help`.\n", message.c_str(), PathOf(command).c_str());
  return kExitUsage;
}

int Run(Invocation& invocation) {
  Session session;
  session.json = invocation.json;
  if (invocation.needs_settings) {
    invocation.sources.environment = ProcessEnvironment();
    auto settings = LoadSettings(invocation.sources);
    if (!settings) {
      PrintError(settings.error().message(), LogFormat::kText);
      return ExitCodeFor(settings.error().code());
    }
    session.settings = std::move(*settings);
    ConfigureLogging(session.settings.log_level, session.settings.log_format);
    for (const std::string& warning : WarningsFor(session.settings)) LogWarning("config", warning);
  }
  const StopSignals signals;
  session.stop = signals.token();
  Result<int> ended = invocation.run(session);
  const Status flushed = session.out.Flush();
  if (ended && !flushed) ended = std::unexpected(flushed.error());
  if (ended) return *ended;
  PrintError(ended.error().message(), session.settings.log_format);
  return ExitCodeFor(ended.error().code());
}

}  // namespace

int RunApp(int argc, const char* const* argv) {
  Invocation invocation;
  const std::unique_ptr<CLI::App> root = MakeCliTree(invocation);
  try {
    root->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const CLI::App& command = DeepestParsed(*root);
    const CLI::App* parent = command.get_parent();
    std::fputs(command.help(parent == nullptr ? "" : PathOf(*parent)).c_str(), stdout);
    return kExitOk;
  } catch (const CLI::CallForVersion&) {
    std::fputs(BuildInfoText().c_str(), stdout);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    return ReportUsage(*root, error);
  }
  return Run(invocation);
}

}  // namespace tocsin
