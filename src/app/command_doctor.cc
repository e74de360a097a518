#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "app/commands.h"
#include "app/doctor.h"
#include "app/exit_code.h"
#include "base/json_text.h"

namespace tocsin {
namespace {

std::string FindingsJson(const std::vector<Finding>& findings, Health worst) {
  std::string json = "{\"status\":\"" + std::string(HealthName(worst)) + "\",\"checks\":[";
  for (const Finding& finding : findings) {
    if (json.back() == '}') json += ',';
    json += "{\"check\":";
    AppendJsonString(json, finding.check);
    json += ",\"status\":\"" + std::string(HealthName(finding.health)) + "\",\"message\":";
    AppendJsonString(json, finding.message);
    json += '}';
  }
  return json + "]}\n";
}

std::string FindingsText(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    char head[64];
    std::snprintf(head, sizeof head, "%-8s %-15s ", HealthName(finding.health).data(),
                  finding.check.c_str());
    text += head + finding.message + "\n";
  }
  return text;
}

Result<int> RunDoctor(Session& session, bool repair) {
  std::vector<Finding> findings;
  if (repair) findings = RepairLog(session);
  for (Finding& finding : CheckHealth(session)) findings.push_back(std::move(finding));
  Health worst = Health::kOk;
  for (const Finding& finding : findings) worst = std::max(worst, finding.health);
  session.out.Write(session.json ? FindingsJson(findings, worst) : FindingsText(findings));
  if (worst == Health::kDamage) return kExitDisk;
  return worst == Health::kProblem ? kExitFailed : kExitOk;
}

}  // namespace

void AddDoctorCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command =
      root.add_subcommand("doctor", "Check the installation, the log's checksums, free disk");
  auto repair = std::make_shared<bool>(false);
  command->add_flag("--repair", *repair, "Give up what is damaged in the log, so that it opens");
  command->callback([repair, &invocation] {
    invocation.run = [repair](Session& session) { return RunDoctor(session, *repair); };
  });
}

}  // namespace tocsin
