#include <CLI/CLI.hpp>
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <map>

#include "app/commands.h"
#include "app/kafka_settings.h"
#include "app/open_log.h"
#include "app/progress_line.h"
#include "app/stage_thread.h"
#include "base/json_text.h"
#include "base/text.h"
#include "deliver/notify_stage.h"
#include "kafka_log/kafka_log.h"
#include "migrate/migrate.h"

namespace tocsin {
namespace {

using States = std::vector<std::pair<std::string, std::int32_t>>;

// What one log has to say and another to hear.
MigrationPlan PlanFor(const Settings& settings, const States& states, bool to_kafka, Log& from) {
  MigrationPlan plan;
  plan.topics = {settings.raw_topic, settings.processed_topic, settings.alert_topic,
                 settings.dlq_topic};
  plan.config = TopicConfigFor(settings);
  Settings embedded = settings;
  embedded.kafka_broker.clear();
  for (const std::string_view work : {std::string_view("alert-log"), NotifyStage::kName}) {
    const std::string here = GroupFor(embedded, work);
    const std::string there = GroupFor(settings, work);
    plan.groups.push_back({.from = to_kafka ? here : there,
                           .to = to_kafka ? there : here,
                           .topic = settings.alert_topic});
  }
  plan.groups.push_back({.from = settings.streaming_group_id,
                         .to = settings.streaming_group_id,
                         .topic = settings.raw_topic});
  // A store has the partitions of the topic whose stage it belongs to.
  const std::map<std::string, std::string> inputs = {{"process", settings.raw_topic},
                                                     {"alert-log", settings.alert_topic},
                                                     {"notify", settings.alert_topic},
                                                     {"dlq-replay", settings.dlq_topic}};
  for (const auto& [store, partition] : states) {
    if (store == "spool") continue;  // of one process and one cluster
    if (plan.stores.empty() || plan.stores.back().name != store) {
      MigrationPlan::Store& added = plan.stores.emplace_back();
      added.name = store;
      const auto input = inputs.find(store);
      if (input != inputs.end()) {
        added.partitions = PartitionCount(from, input->second).value_or(0);
      }
    }
    plan.stores.back().with_content.push_back(partition);
  }
  return plan;
}

std::string Hex(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, number);
  return text;
}

std::string ReportJson(const MigrationReport& report) {
  std::string json = "{\"topics\":[";
  for (const MigrationReport::Topic& topic : report.topics) {
    if (json.back() == '}') json += ',';
    json += "{\"topic\":";
    AppendJsonString(json, topic.name);
    json += ",\"partitions\":" + std::to_string(topic.partitions) +
            ",\"records\":" + std::to_string(topic.records) + ",\"hash\":\"" + Hex(topic.hash) +
            "\"}";
  }
  json += "],\"states\":[";
  for (const MigrationReport::State& state : report.states) {
    if (json.back() == '}') json += ',';
    json += "{\"store\":";
    AppendJsonString(json, state.store);
    json +=
        ",\"entries\":" + std::to_string(state.entries) + ",\"hash\":\"" + Hex(state.hash) + "\"}";
  }
  return json + "],\"offsets\":" + std::to_string(report.offsets) + "}";
}

std::string ReportText(const MigrationReport& report) {
  std::string text;
  for (const MigrationReport::Topic& topic : report.topics) {
    text += topic.name + ": " + Grouped(topic.records) + " records in " +
            std::to_string(topic.partitions) + " partitions, hash " + Hex(topic.hash) + "\n";
  }
  for (const MigrationReport::State& state : report.states) {
    text += "state of " + state.store + ": " + Grouped(state.entries) + " entries, hash " +
            Hex(state.hash) + "\n";
  }
  return text + Grouped(report.offsets) +
         " places of consumer groups\nread back and compared: equal\n";
}

Result<std::unique_ptr<KafkaLog>> OpenKafka(const Session& session) {
  TOCSIN_ASSIGN(KafkaOptions options, KafkaOptionsFor(session.settings));
  options.instance_id = "migrate";
  // Without transactions no offset is taken by their marks: what begins at 0 keeps its numbers.
  options.at_least_once = true;
  options.state_partitions = static_cast<std::int32_t>(session.settings.topic_partitions);
  return KafkaLog::Open(options, session.clock, session.stop);
}

Result<int> RunMigrate(Session& session, const std::string& target) {
  const Settings& settings = session.settings;
  if (settings.kafka_broker.empty()) {
    return Fail(Code::kConfiguration,
                "migrate needs both logs: set KAFKA_BROKER, and DATA_DIR for the embedded one");
  }
  const bool to_kafka = target == "kafka";
  if (to_kafka) {
    Settings embedded = settings;
    embedded.kafka_broker.clear();
    TOCSIN_TRY(RequireLog(embedded));
  }
  TOCSIN_ASSIGN(const auto embedded, EmbeddedLog::Open(LogOptionsFor(settings), session.clock));
  TOCSIN_ASSIGN(const auto kafka, OpenKafka(session));
  States states = embedded->States();
  if (!to_kafka) {
    TOCSIN_ASSIGN(states, kafka->States());
  }
  Log& from = to_kafka ? static_cast<Log&>(*embedded) : *kafka;
  Log& to = to_kafka ? static_cast<Log&>(*kafka) : *embedded;
  ProgressLine line("migrate", "records", session.clock);
  auto report = Migrate(
      from, to, PlanFor(settings, states, to_kafka, from),
      [&](std::uint64_t records) { line.Update(records, records, 0); }, session.stop);
  line.Clear();
  if (!report) return std::unexpected(std::move(report).error());
  session.out.Write(session.json ? ReportJson(*report) + "\n" : ReportText(*report));
  return 0;
}

}  // namespace

void AddMigrateCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand(
      "migrate", "Topics, places of consumer groups and state between the embedded log and Kafka");
  auto target = std::make_shared<std::string>();
  command->add_option("--to", *target, "The log that is written; it must be unused")
      ->required()
      ->type_name("LOG")
      ->check(CLI::IsMember({"kafka", "embedded"}));
  command->callback([target, &invocation] {
    invocation.run = [target](Session& session) { return RunMigrate(session, *target); };
  });
}

}  // namespace tocsin
