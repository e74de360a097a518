#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/commands.h"
#include "base/file.h"
#include "base/json_text.h"
#include "measure/measure.h"

namespace tocsin {
namespace {

std::string MeasurementsJson(const std::vector<Measurement>& measurements) {
  std::string json = "[";
  for (const Measurement& measurement : measurements) {
    json += json.size() > 1 ? ",\n {\"name\":" : "\n {\"name\":";
    AppendJsonString(json, measurement.name);
    json += ",\"value\":";
    AppendJsonNumber(json, measurement.value);
    json += ",\"unit\":";
    AppendJsonString(json, measurement.unit);
    json += ",\"about\":";
    AppendJsonString(json, measurement.about);
    json += ",\"beside\":";
    AppendJsonString(json, measurement.beside);
    json += '}';
  }
  return json + "]\n";
}

std::string MeasurementsText(const std::vector<Measurement>& measurements) {
  std::string text;
  for (const Measurement& measurement : measurements) {
    char line[512];
    std::snprintf(line, sizeof line, "%-36s %14.3f %-12s %s\n%36s %s\n", measurement.name.c_str(),
                  measurement.value, measurement.unit.c_str(), measurement.beside.c_str(), "",
                  measurement.about.c_str());
    text += line;
  }
  return text;
}

Result<int> RunBench(Session& session, const BenchmarkOptions& flags) {
  BenchmarkOptions options = flags;
  if (options.directory.empty()) options.directory = session.settings.data_dir + "/bench";
  TOCSIN_TRY(MakeDirectories(DirectoryOf(options.directory)));
  TOCSIN_ASSIGN(const std::vector<Measurement> measurements,
                RunBenchmarks(session.settings, options));
  session.out.Write(session.json ? MeasurementsJson(measurements) : MeasurementsText(measurements));
  return 0;
}

}  // namespace

void AddBenchCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand(
      "bench", "Measure this machine with this program, the floors beside the figures");
  auto options = std::make_shared<BenchmarkOptions>();
  command->add_option("--events", options->events, "Events of a run")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--directory", options->directory,
                   "Made for the run and removed after it [DATA_DIR/bench]")
      ->type_name("DIR");
  command->callback([options, &invocation] {
    invocation.run = [options](Session& session) { return RunBench(session, *options); };
  });
}

}  // namespace tocsin
