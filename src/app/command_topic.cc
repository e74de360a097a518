#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>

#include "app/commands.h"
#include "app/desk.h"
#include "app/open_log.h"
#include "app/record_json.h"
#include "app/stage_thread.h"
#include "base/json_text.h"
#include "base/text.h"
#include "deliver/notify_stage.h"

// `topic ls`, `topic dump` and `topic tail`: look into the log.
namespace tocsin {
namespace {

constexpr std::int64_t kWaitUs = 200'000;

struct TopicFlags {
  std::string topic;
  std::optional<std::int32_t> partition;
  std::string from;
  std::optional<std::uint64_t> max;
  bool with_metadata = false;
};

std::string CheckFrom(const std::string& text) {
  if (text == "earliest" || text == "latest") return "";
  std::int64_t offset = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  const bool whole = end == text.data() + text.size();
  return error == std::errc() && whole && offset >= 0
             ? ""
             : "'" + text + "' is neither an offset nor earliest nor latest";
}

// Where reading of a partition begins.
std::int64_t StartOf(const std::string& from, const PartitionOffsets& offsets) {
  if (from == "earliest") return offsets.earliest;
  if (from == "latest") return offsets.latest;
  std::int64_t offset = 0;
  std::from_chars(from.data(), from.data() + from.size(), offset);
  return std::max(offset, offsets.earliest);
}

// Prints the records that the flags ask for.
class Printer {
 public:
  Printer(Session& session, const TopicFlags& flags, Log& log)
      : session_(session),
        flags_(flags),
        log_(log),
        left_(flags.max.value_or(std::numeric_limits<std::uint64_t>::max())) {}

  Status Prepare() {
    TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log_, flags_.topic));
    if (flags_.partition && *flags_.partition >= count) {
      return Fail(Code::kNotFound, "topic " + flags_.topic + " has no partition " +
                                       std::to_string(*flags_.partition) + "; it has " +
                                       std::to_string(count));
    }
    for (std::int32_t i = 0; i < count; ++i) {
      if (flags_.partition && *flags_.partition != i) continue;
      TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets({flags_.topic, i}));
      places_.push_back({i, StartOf(flags_.from, offsets), offsets.latest});
    }
    return {};
  }

  // Everything up to the end that was seen last, in partition, then offset order.
  Status Print() {
    for (Place& place : places_) {
      if (done()) return {};
      const TopicPartition partition{flags_.topic, place.partition};
      TOCSIN_TRY(VisitRecords(log_, partition, place.next, place.end,
                              [&](const RecordBatch& batch, const Record& record) {
                                PrintRecord(partition, batch, record);
                                place.next = record.offset + 1;
                                return !done();
                              }));
    }
    return {};
  }

  Status Follow() {
    while (!done()) {
      const std::uint64_t seen = log_.AppendCount();
      for (Place& place : places_) {
        TOCSIN_ASSIGN(const PartitionOffsets offsets,
                      log_.Offsets({flags_.topic, place.partition}));
        place.end = offsets.latest;
      }
      TOCSIN_TRY(Print());
      TOCSIN_TRY(session_.out.Flush());
      if (!done()) log_.WaitForAppend(seen, kWaitUs, session_.stop);
    }
    return {};
  }

 private:
  struct Place {
    std::int32_t partition;
    std::int64_t next;
    std::int64_t end;
  };

  bool done() const {
    return left_ == 0 || session_.out.closed() || session_.stop.stop_requested();
  }

  void PrintRecord(const TopicPartition& partition, const RecordBatch& batch,
                   const Record& record) {
    if (flags_.with_metadata || session_.json) {
      session_.out.Line(RecordJson(partition, batch, record));
    } else {
      session_.out.Line(record.value);
    }
    --left_;
  }

  Session& session_;
  const TopicFlags& flags_;
  Log& log_;
  std::uint64_t left_;
  std::vector<Place> places_;
};

Result<int> RunDump(Session& session, const TopicFlags& flags) {
  TOCSIN_ASSIGN(const OpenedLog opened,
                OpenLog(session.settings, session.clock, LogAccess::kRead, "topic", session.stop));
  Printer printer(session, flags, *opened.log);
  TOCSIN_TRY(printer.Prepare());
  TOCSIN_TRY(printer.Print());
  return 0;
}

Result<int> RunTail(Session& session, const TopicFlags& flags) {
  TOCSIN_ASSIGN(OpenedLog opened,
                OpenLog(session.settings, session.clock, LogAccess::kRead, "topic", session.stop));
  // Who only looks must not keep the others from writing.
  TOCSIN_ASSIGN(
      const std::unique_ptr<LocalServer> server,
      ServeLog(session.settings, opened, [] { return R"({"command":"topic tail"})"; }, true));
  Printer printer(session, flags, *opened.log);
  TOCSIN_TRY(printer.Prepare());
  TOCSIN_TRY(printer.Follow());
  return 0;
}

Result<int> RunList(Session& session) {
  TOCSIN_ASSIGN(const OpenedLog opened,
                OpenLog(session.settings, session.clock, LogAccess::kRead, "topic", session.stop));
  TOCSIN_ASSIGN(const std::vector<TopicInfo> topics, opened.log->Topics());
  std::string json = "[";
  std::string text =
      "TOPIC                          PARTITION       EARLIEST         LATEST"
      "          BYTES\n";
  for (const TopicInfo& topic : topics) {
    for (std::int32_t i = 0; i < topic.partitions; ++i) {
      TOCSIN_ASSIGN(const PartitionOffsets offsets, opened.log->Offsets({topic.name, i}));
      const bool sized = offsets.bytes >= 0;  // a cluster does not say
      if (json.size() > 1) json += ',';
      json += "{\"topic\":\"" + topic.name + "\",\"partition\":" + std::to_string(i) +
              ",\"earliest\":" + std::to_string(offsets.earliest) +
              ",\"latest\":" + std::to_string(offsets.latest) +
              ",\"bytes\":" + (sized ? std::to_string(offsets.bytes) : "null") + "}";
      char line[160];
      std::snprintf(line, sizeof line, "%-30.100s %9d %14lld %14lld %14s\n", topic.name.c_str(), i,
                    static_cast<long long>(offsets.earliest),
                    static_cast<long long>(offsets.latest),
                    sized ? std::to_string(offsets.bytes).c_str() : "-");
      text += line;
    }
  }
  session.out.Write(session.json ? json + "]\n" : text);
  return 0;
}

struct PartitionLag {
  std::int64_t next = 0;     // first offset that the group has not committed
  std::int64_t records = 0;  // from there on; on a cluster at most that many
  std::int64_t age_us = 0;   // of the first of them
};

Result<PartitionLag> LagOf(Log& log, const std::string& group, const TopicPartition& partition,
                           std::int64_t now_us) {
  PartitionLag lag;
  TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets(partition));
  TOCSIN_ASSIGN(const auto committed, log.CommittedOffset(group, partition));
  lag.next = std::max(committed.value_or(offsets.earliest), offsets.earliest);
  if (lag.next >= offsets.latest) return lag;
  TOCSIN_ASSIGN(const auto batches, log.Fetch(partition, lag.next, 1));
  if (batches.empty()) return lag;  // only the marks of transactions
  lag.records = offsets.latest - lag.next;
  lag.age_us = std::max<std::int64_t>(0, now_us - batches.front()->timestamp_ms() * 1000);
  return lag;
}

Result<int> RunLag(Session& session) {
  const Settings& settings = session.settings;
  TOCSIN_ASSIGN(const OpenedLog opened,
                OpenLog(settings, session.clock, LogAccess::kRead, "topic", session.stop));
  std::string json = "[";
  std::string text =
      "GROUP                          TOPIC                PARTITION      COMMITTED"
      "            LAG    SECONDS\n";
  std::vector<std::pair<std::string, std::string>> readers = {
      {settings.streaming_group_id, settings.raw_topic},
      {GroupFor(settings, "alert-log"), settings.alert_topic}};
  // Without a channel nobody reads the alerts for it.
  TOCSIN_ASSIGN(const RouteConfig routes, RoutesFor(settings));
  if (HasChannels(routes)) {
    readers.emplace_back(GroupFor(settings, NotifyStage::kName), settings.alert_topic);
  }
  for (const auto& [group, topic] : readers) {
    TOCSIN_ASSIGN(const std::int32_t partitions, PartitionCount(*opened.log, topic));
    for (std::int32_t i = 0; i < partitions; ++i) {
      TOCSIN_ASSIGN(const PartitionLag lag,
                    LagOf(*opened.log, group, {topic, i}, session.clock.WallUs()));
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "%.3f", static_cast<double>(lag.age_us) / 1e6);
      if (json.size() > 1) json += ',';
      json += "{\"group\":";
      AppendJsonString(json, group);
      json += ",\"topic\":\"" + topic + "\",\"partition\":" + std::to_string(i) +
              ",\"committed\":" + std::to_string(lag.next) +
              ",\"lag\":" + std::to_string(lag.records) + ",\"lag_seconds\":" + seconds + "}";
      char line[200];
      std::snprintf(line, sizeof line, "%-30.60s %-20.60s %9d %14lld %14lld %10s\n", group.c_str(),
                    topic.c_str(), i, static_cast<long long>(lag.next),
                    static_cast<long long>(lag.records), seconds);
      text += line;
    }
  }
  session.out.Write(session.json ? json + "]\n" : text);
  return 0;
}

void AddReadFlags(CLI::App& command, TopicFlags& flags, const char* from) {
  flags.from = from;
  command.add_option("TOPIC", flags.topic, "Name of the topic")->required()->type_name("");
  command.add_option("--partition", flags.partition, "One partition only")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--from", flags.from, "Where to begin in each partition")
      ->type_name("OFFSET|earliest|latest")
      ->check(CheckFrom, "", "")
      ->capture_default_str();
  command.add_option("--max", flags.max, "At most so many records in all")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command.add_flag(
      "--with-metadata", flags.with_metadata,
      "One JSON object a record: topic, partition, offset, key, timestamp_ms, headers, "
      "value (value_base64 when it is not UTF-8)");
}

}  // namespace

void AddTopicCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* family = root.add_subcommand("topic", "Look into the log");
  family->require_subcommand(1);
  family->add_subcommand("ls", "Topics with their offsets and sizes")->callback([&invocation] {
    invocation.run = RunList;
  });
  family
      ->add_subcommand("lag",
                       "What the processor and the deliveries have not read, in records and age")
      ->callback([&invocation] { invocation.run = RunLag; });

  CLI::App* dump = family->add_subcommand("dump", "Print records, to the end of the log");
  auto dump_flags = std::make_shared<TopicFlags>();
  AddReadFlags(*dump, *dump_flags, "earliest");
  dump->callback([dump_flags, &invocation] {
    invocation.run = [dump_flags](Session& session) { return RunDump(session, *dump_flags); };
  });

  CLI::App* tail = family->add_subcommand("tail", "Print records as they come, until Ctrl-C");
  auto tail_flags = std::make_shared<TopicFlags>();
  AddReadFlags(*tail, *tail_flags, "latest");
  tail->callback([tail_flags, &invocation] {
    invocation.run = [tail_flags](Session& session) { return RunTail(session, *tail_flags); };
  });
}

}  // namespace tocsin
