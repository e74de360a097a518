#include "web_api/read_api.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "model/reject_reason.h"
#include "rule/rule_set.h"
#include "rule_file/thresholds.h"
#include "web_api/series.h"

namespace tocsin {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kMutesAgeUs = 2'000'000;
constexpr std::size_t kMaxChanges = 2'000;  // devices in one frame
constexpr std::size_t kDeviceAlerts = 50;
constexpr std::size_t kEventBytes = 1u << 20;

template <class Values>
void AppendNumbers(std::string& out, std::string_view name, const Values& values) {
  AppendName(out, name);
  out += '[';
  for (const auto& value : values) {
    if (out.back() != '[') out += ',';
    AppendJsonNumber(out, value);
  }
  out += ']';
}

double MsOf(std::int64_t time_us) {
  return static_cast<double>(time_us) / 1000;
}

}  // namespace

ReadApi::ReadApi(const WebParts& parts) : parts_(parts), started_us_(parts.clock.WallUs()) {}

PipelineFacts ReadApi::Facts(std::size_t live_clients) const {
  PipelineFacts facts{.now_us = parts_.clock.WallUs(),
                      .started_us = started_us_,
                      .live_clients = live_clients,
                      .totals = {}};
  if (parts_.backend.totals) facts.totals = parts_.backend.totals();
  return facts;
}

// As the rules stand now: a file that was changed by mistake has none.
void AppendBands(std::string& out, const Settings& settings) {
  const auto rules = RuleSet::ForSettings(settings);
  if (!rules) return;
  for (std::size_t i = 0; i < rules->size(); ++i) {
    for (const Threshold& threshold : ThresholdsOf(rules->rule(i))) {
      if (out.back() != '[') out += ',';
      out += '{';
      AppendMember(out, "metric", std::string_view(settings.metrics[threshold.metric].name));
      AppendMember(out, "rule", std::string_view(rules->rule(i).name));
      AppendMember(out, "op", ComparisonText(threshold.op));
      AppendMember(out, "value", threshold.value);
      out += '}';
    }
  }
}

Result<std::string> ReadApi::Meta() const {
  const Settings& settings = parts_.settings;
  std::string out = "{";
  AppendMember(out, "version", std::string_view(parts_.backend.version));
  AppendMember(out, "started_ms", started_us_ / 1000);
  AppendMember(out, "demo", parts_.backend.demo);
  AppendMember(out, "refresh_seconds", settings.dashboard_refresh_seconds);
  AppendMember(out, "offline_after_seconds",
               static_cast<double>(settings.device_offline_after_us) / 1e6);
  AppendName(out, "metrics");
  out += '[';
  for (const MetricSpec& metric : settings.metrics) {
    if (out.back() != '[') out += ',';
    out += '{';
    AppendMember(out, "name", std::string_view(metric.name));
    AppendMember(out, "unit", std::string_view(metric.unit));
    AppendMember(out, "min", metric.min);
    AppendMember(out, "max", metric.max);
    AppendMember(out, "required", metric.required);
    AppendMember(out, "bool", metric.is_bool);
    out += '}';
  }
  out += ']';
  AppendName(out, "bands");
  out += '[';
  AppendBands(out, settings);
  out += ']';
  if (settings.rules_file.empty()) {
    AppendNull(out, "rules_file");
  } else {
    AppendMember(out, "rules_file", std::string_view(settings.rules_file));
  }
  AppendMember(out, "delivery", static_cast<bool>(parts_.backend.desk));
  return out + "}";
}

std::string ReadApi::Summary() {
  std::string out;
  AppendSummary(out, parts_.live.Figures(), parts_.clock.WallUs());
  return out;
}

std::string ReadApi::Pipeline(std::size_t live_clients) {
  std::string out;
  AppendPipeline(out, parts_.live.Figures(), Facts(live_clients));
  return out;
}

Result<std::size_t> ReadApi::MetricOf(const ServerRequest& request, std::string_view name) const {
  const std::string metric = TextParameter(request, name);
  std::string declared;
  for (std::size_t i = 0; i < parts_.settings.metrics.size(); ++i) {
    if (parts_.settings.metrics[i].name == metric) return i;
    declared += (i > 0 ? ", " : "") + parts_.settings.metrics[i].name;
  }
  return Fail(Code::kInvalidArgument, std::string(name) + "='" + metric.substr(0, 80) +
                                          "' is no declared metric; declared are " + declared);
}

Result<std::string> ReadApi::Devices(const ServerRequest& request) {
  DeviceQuery query{.search = TextParameter(request, "search")};
  TOCSIN_ASSIGN(const std::size_t which,
                ChoiceParameter(request, "state", "all online offline alert"));
  query.which = static_cast<DeviceQuery::Which>(which);
  TOCSIN_ASSIGN(const std::size_t order, ChoiceParameter(request, "order", "asc desc"));
  query.descending = order == 1;
  TOCSIN_ASSIGN(query.offset, NumberParameter(request, "offset", 0, SIZE_MAX / 2, 0));
  TOCSIN_ASSIGN(query.limit, NumberParameter(request, "limit", 0, 10'000, 100));
  const std::string sort = TextParameter(request, "sort");
  constexpr std::string_view kSorts[] = {"device_id", "last_seen", "state", "events"};
  const auto* const found = std::ranges::find(kSorts, sort);
  if (found != std::end(kSorts)) {
    query.sort = static_cast<DeviceQuery::Sort>(found - std::begin(kSorts));
  } else if (!sort.empty()) {
    query.sort = DeviceQuery::Sort::kMetric;
    auto metric = MetricOf(request, "sort");
    if (!metric) {
      return Fail(Code::kInvalidArgument,
                  metric.error().message() + "; or device_id, last_seen, state, events");
    }
    query.metric = *metric;
  }
  const DevicePage page = parts_.live.Devices(query);
  std::string out = "{";
  AppendMember(out, "total", std::uint64_t{page.total});
  AppendMember(out, "offset", std::uint64_t{query.offset});
  AppendName(out, "devices");
  AppendDevices(out, page.devices);
  return out + "}";
}

Result<std::string> ReadApi::Device(const ServerRequest& request) {
  if (!request.Parameter("id")) {
    return Fail(Code::kInvalidArgument, "the parameter id is missing: the id of a device");
  }
  const std::string id = TextParameter(request, "id");
  std::string out = "{";
  AppendName(out, "device");
  if (const auto device = parts_.live.Device(id)) {
    AppendDevice(out, *device);
  } else {
    out += "null";
  }
  const LiveStatistics statistics = parts_.live.Statistics(id);
  AppendName(out, "statistics");
  out += '[';
  for (std::size_t i = 0; i < parts_.settings.metrics.size(); ++i) {
    const TrendCell& cell = statistics.metrics[i];
    if (out.back() != '[') out += ',';
    out += '{';
    AppendMember(out, "metric", std::string_view(parts_.settings.metrics[i].name));
    AppendMember(out, "count", cell.count);
    const double absent = std::nan("");
    AppendMember(out, "min", cell.count > 0 ? cell.min : absent);
    AppendMember(out, "max", cell.count > 0 ? cell.max : absent);
    AppendMember(out, "avg", cell.count > 0 ? cell.avg() : absent);
    out += '}';
  }
  out += ']';
  if (statistics.since_us == INT64_MAX) {
    AppendNull(out, "since_ms");
  } else {
    AppendMember(out, "since_ms", statistics.since_us / 1000);
  }
  AlertQuery query;
  query.device = id;
  query.limit = kDeviceAlerts;
  AppendName(out, "alerts");
  out += id.empty() ? "[]" : AlertArray(parts_.live.Alerts(query).alerts);
  return out + "}";
}

Result<std::string> ReadApi::Events(const ServerRequest& request) {
  TOCSIN_ASSIGN(const std::size_t limit, NumberParameter(request, "limit", 1, 1'000, 100));
  std::string out = R"({"events":[)";
  for (const EventPlace& place : parts_.live.Events(TextParameter(request, "device"), limit)) {
    const TopicPartition partition{parts_.settings.processed_topic, place.partition};
    auto batches = parts_.log.Fetch(partition, place.offset, 1);
    if (!batches) {
      // Retention has taken it meanwhile.
      if (batches.error().code() == Code::kInvalidArgument) continue;
      return std::unexpected(std::move(batches).error());
    }
    Record record;
    for (const auto& batch : *batches) {
      for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
        if (record.offset != place.offset) continue;
        if (out.back() != '[') out += ',';
        out += '{';
        AppendMember(out, "partition", std::int64_t{place.partition});
        AppendMember(out, "offset", place.offset);
        AppendMember(out, "received_ms", place.received_ms);
        AppendName(out, "event");
        out.append(record.value);  // a JSON object, or the stream would not have taken it
        out += '}';
      }
    }
    if (out.size() > kEventBytes) break;
  }
  return out + "]}";
}

Result<std::string> ReadApi::Series(const ServerRequest& request) {
  TOCSIN_ASSIGN(const std::size_t metric, MetricOf(request, "metric"));
  TOCSIN_ASSIGN(const std::size_t points, NumberParameter(request, "points", 1, 4'000, 500));
  const std::int64_t newest_us =
      parts_.live.Figures().newest_event_us.value_or(parts_.clock.WallUs());
  TOCSIN_ASSIGN(const std::int64_t to_us, TimeParameter(request, "to", newest_us + 1'000));
  TOCSIN_ASSIGN(const std::int64_t from_us, TimeParameter(request, "from", to_us - kHourUs));
  if (from_us >= to_us) {
    return Fail(Code::kInvalidArgument, "from must be before to");
  }
  const std::string device = TextParameter(request, "device");
  if (!device.empty()) return SampleSeries(device, metric, from_us, to_us, points);
  return TrendSeries(metric, from_us, to_us, points);
}

Result<std::string> ReadApi::SampleSeries(const std::string& device, std::size_t metric,
                                          std::int64_t from_us, std::int64_t to_us,
                                          std::size_t points) {
  TOCSIN_ASSIGN(const Readings past, parts_.history.Readings(device, metric, from_us, to_us));
  const Readings readings =
      MergeReadings(past, parts_.live.Readings(device, metric, from_us, to_us));
  const SamplePoints reduced = ReduceToMinMax(readings, from_us, to_us, points);
  const MetricSpec& spec = parts_.settings.metrics[metric];
  std::string out = "{";
  AppendMember(out, "metric", std::string_view(spec.name));
  AppendMember(out, "unit", std::string_view(spec.unit));
  AppendMember(out, "device", std::string_view(device));
  AppendMember(out, "kind", std::string_view("samples"));
  AppendMember(out, "from_ms", from_us / 1000);
  AppendMember(out, "to_ms", to_us / 1000);
  AppendMember(out, "bucket_ms", MsOf(to_us - from_us) / static_cast<double>(points));
  AppendNumbers(out, "t", reduced.t_ms);
  AppendNumbers(out, "v", reduced.v);
  AppendMember(out, "readings", std::uint64_t{readings.size()});
  return out + "}";
}

Result<std::string> ReadApi::TrendSeries(std::size_t metric, std::int64_t from_us,
                                         std::int64_t to_us, std::size_t points) {
  // Minutes of the live view, and before its first one the hours of the batch tables.
  const std::int64_t first_minute_us = parts_.live.first_minute_us();
  const std::int64_t hours_to_us =
      first_minute_us == INT64_MAX ? to_us : std::min(to_us, first_minute_us - kHourUs + 1);
  TOCSIN_ASSIGN(TrendCells cells, parts_.history.Trend(metric, from_us, hours_to_us));
  const bool hours = !cells.empty();
  for (auto& minute : parts_.live.Trend(metric, from_us, to_us)) cells.push_back(minute);
  const std::int64_t wanted_us = (to_us - from_us) / static_cast<std::int64_t>(points);
  const std::int64_t minutes =
      std::max<std::int64_t>(1, (wanted_us + MinuteTrend::kMinuteUs - 1) / MinuteTrend::kMinuteUs);
  const std::int64_t width_us = minutes * MinuteTrend::kMinuteUs;
  const TrendCells buckets = MergeIntoBuckets(cells, width_us);

  std::vector<double> t;
  std::vector<double> avg;
  std::vector<double> low;
  std::vector<double> high;
  std::vector<std::int64_t> count;
  std::uint64_t readings = 0;
  for (const auto& [begin_us, cell] : buckets) {
    t.push_back(MsOf(begin_us));
    avg.push_back(cell.avg());
    low.push_back(cell.min);
    high.push_back(cell.max);
    count.push_back(static_cast<std::int64_t>(cell.count));
    readings += cell.count;
  }
  const MetricSpec& spec = parts_.settings.metrics[metric];
  std::string out = "{";
  AppendMember(out, "metric", std::string_view(spec.name));
  AppendMember(out, "unit", std::string_view(spec.unit));
  AppendNull(out, "device");
  AppendMember(out, "kind", std::string_view("trend"));
  AppendMember(out, "from_ms", from_us / 1000);
  AppendMember(out, "to_ms", to_us / 1000);
  AppendMember(out, "bucket_ms", MsOf(width_us));
  AppendNumbers(out, "t", t);
  AppendNumbers(out, "avg", avg);
  AppendNumbers(out, "min", low);
  AppendNumbers(out, "max", high);
  AppendNumbers(out, "count", count);
  AppendMember(out, "readings", readings);
  AppendMember(out, "resolution_ms", hours ? MsOf(kHourUs) : MsOf(MinuteTrend::kMinuteUs));
  return out + "}";
}

std::map<std::string, AlertMutes> ReadApi::Mutes() {
  if (!parts_.backend.desk) return {};
  const std::lock_guard lock(mutes_mutex_);
  const std::int64_t now_us = parts_.clock.SteadyUs();
  if (mutes_us_ != 0 && now_us - mutes_us_ < kMutesAgeUs) return mutes_;
  mutes_us_ = now_us;
  const auto answer = parts_.backend.desk("alerts.list", "{}");
  if (!answer) return mutes_;
  mutes_.clear();
  const auto list = nlohmann::json::parse(*answer, nullptr, false);
  if (!list.is_array()) return mutes_;
  for (const auto& item : list) {
    const std::string fingerprint = item.value("fingerprint", "");
    mutes_[fingerprint] = {.silenced_by = item.value("silenced_by", ""),
                           .inhibited = item.value("inhibited", false),
                           .muted = item.value("muted", false)};
  }
  return mutes_;
}

std::string ReadApi::AlertArray(const std::vector<AlertMessage>& alerts) {
  const std::map<std::string, AlertMutes> mutes = Mutes();
  std::string out = "[";
  for (const AlertMessage& alert : alerts) {
    if (out.back() != '[') out += ',';
    const auto found = mutes.find(alert.fingerprint);
    const bool known = found != mutes.end() && alert.firing;
    AppendAlert(out, alert, known ? found->second : AlertMutes());
  }
  return out + "]";
}

Result<std::string> ReadApi::Alerts(const ServerRequest& request) {
  AlertQuery query;
  TOCSIN_ASSIGN(const std::size_t which, ChoiceParameter(request, "state", "all firing resolved"));
  query.which = static_cast<AlertQuery::Which>(which);
  query.severity = TextParameter(request, "severity");
  query.rule = TextParameter(request, "rule");
  query.device = TextParameter(request, "device");
  query.search = TextParameter(request, "search");
  TOCSIN_ASSIGN(query.from_us, TimeParameter(request, "from", INT64_MIN));
  TOCSIN_ASSIGN(query.to_us, TimeParameter(request, "to", INT64_MAX));
  TOCSIN_ASSIGN(query.offset, NumberParameter(request, "offset", 0, SIZE_MAX / 2, 0));
  TOCSIN_ASSIGN(query.limit, NumberParameter(request, "limit", 0, 1'000, 100));
  const AlertPage page = parts_.live.Alerts(query);
  std::string out = "{";
  AppendMember(out, "total", std::uint64_t{page.total});
  AppendMember(out, "offset", std::uint64_t{query.offset});
  AppendMember(out, "complete", page.complete);
  AppendName(out, "alerts");
  out += AlertArray(page.alerts);
  return out + "}";
}

Result<std::string> ReadApi::Hourly(const ServerRequest& request) {
  HourlyQuery query{.device = TextParameter(request, "device")};
  TOCSIN_ASSIGN(query.from_us, TimeParameter(request, "from", INT64_MIN));
  TOCSIN_ASSIGN(query.to_us, TimeParameter(request, "to", INT64_MAX));
  TOCSIN_ASSIGN(query.offset, NumberParameter(request, "offset", 0, SIZE_MAX / 2, 0));
  TOCSIN_ASSIGN(query.limit, NumberParameter(request, "limit", 0, 10'000, 20));
  TOCSIN_ASSIGN(const HourlyPage page, parts_.history.Hours(query));
  std::string out = "{";
  AppendMember(out, "total", std::uint64_t{page.total});
  AppendMember(out, "offset", std::uint64_t{query.offset});
  if (page.written_ms) {
    AppendMember(out, "written_ms", *page.written_ms);
  } else {
    AppendNull(out, "written_ms");
  }
  AppendName(out, "rows");
  out += '[';
  for (const HourlyRow& row : page.rows) {
    if (out.back() != '[') out += ',';
    AppendHourlyRow(out, row, parts_.settings.metrics);
  }
  return out + "]}";
}

Result<std::string> ReadApi::DeadLetters(const ServerRequest& request) {
  WebBackend::DeadLetterQuery query{.reason = TextParameter(request, "reason"),
                                    .before = TextParameter(request, "before")};
  TOCSIN_ASSIGN(query.limit, NumberParameter(request, "limit", 1, 500, 50));
  TOCSIN_ASSIGN(const std::string letters, parts_.backend.dead_letters(query));
  std::string out = "{" + letters;
  AppendName(out, "counts");
  out += '{';
  const auto totals = Facts(0).totals;
  for (std::size_t i = 1; totals && i < kRejectReasonCount; ++i) {
    if (totals->counts.dlq[i] == 0) continue;
    AppendMember(out, RejectReasonName(static_cast<RejectReason>(i)), totals->counts.dlq[i]);
  }
  return out + "}}";
}

std::string ReadApi::HelloData() {
  std::string out = "{";
  AppendMember(out, "now_ms", parts_.clock.WallUs() / 1000);
  AppendMember(out, "version", std::string_view(parts_.backend.version));
  AppendMember(out, "started_ms", started_us_ / 1000);
  AppendName(out, "summary");
  out += Summary();
  return out + "}";
}

std::string ReadApi::TickData(std::size_t live_clients) {
  const LiveFigures figures = parts_.live.Figures();
  const PipelineFacts facts = Facts(live_clients);
  std::string out = "{";
  AppendMember(out, "now_ms", facts.now_us / 1000);
  AppendName(out, "summary");
  AppendSummary(out, figures, facts.now_us);
  AppendName(out, "pipeline");
  AppendPipeline(out, figures, facts);
  AppendName(out, "trend");
  AppendOpenMinutes(out, parts_.live, parts_.settings.metrics);
  return out + "}";
}

std::string ReadApi::DevicesData() {
  bool more = false;
  const std::vector<DeviceView> devices = parts_.live.TakeChanged(kMaxChanges, more);
  if (devices.empty()) return "";
  std::string out = "{";
  AppendMember(out, "now_ms", parts_.clock.WallUs() / 1000);
  AppendName(out, "devices");
  AppendDevices(out, devices);
  AppendMember(out, "more", more);
  return out + "}";
}

std::string ReadApi::AlertData(const AlertMessage& alert) {
  std::string out;
  AppendAlert(out, alert, AlertMutes());
  return out;
}

}  // namespace tocsin
