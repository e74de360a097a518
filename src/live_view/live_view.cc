#include "live_view/live_view.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "base/logging.h"
#include "base/wait.h"
#include "live_view/alert_store.h"
#include "live_view/device_table.h"
#include "live_view/processed_reader.h"
#include "live_view/rate_meter.h"
#include "live_view/reading_store.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxAlerts = 20'000;
constexpr std::size_t kMaxTransitions = 5'000;
constexpr std::size_t kFetchBytes = 1u << 20;
constexpr std::int64_t kWarmRecords = 250'000;     // of each partition, at the start
constexpr std::int64_t kMostBehind = 1'000'000;    // records of a partition
constexpr std::int64_t kKeptWhenBehind = 100'000;  // the rest is passed over
constexpr std::int64_t kWaitUs = 250'000;
constexpr std::int64_t kRetryUs = 1'000'000;
constexpr std::int64_t kMeasureUs = 1'000'000;

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// True when `needle` (already lower) is a part of `text`.
bool Contains(std::string_view text, std::string_view needle) {
  return std::search(text.begin(), text.end(), needle.begin(), needle.end(),
                     [](char a, char b) { return Lower(a) == b; }) != text.end();
}

std::string Lowered(std::string text) {
  std::ranges::transform(text, text.begin(), Lower);
  return text;
}

bool Matches(const AlertQuery& query, const std::string& search, const AlertMessage& alert) {
  if (query.which == AlertQuery::Which::kFiring && !alert.firing) return false;
  if (query.which == AlertQuery::Which::kResolved && alert.firing) return false;
  if (!query.severity.empty() && alert.severity != query.severity) return false;
  if (!query.rule.empty() && alert.rule != query.rule) return false;
  if (!query.device.empty() && alert.device_id != query.device) return false;
  if (alert.starts_at_us >= query.to_us) return false;
  if (!alert.firing && alert.ends_at_us < query.from_us) return false;
  return search.empty() || Contains(alert.device_id, search) || Contains(alert.rule, search);
}

class View final : public LiveView {
 public:
  View(const Settings& settings, Log& log, const Clock& clock)
      : log_(log),
        clock_(clock),
        settings_(settings),
        offline_after_ms_(settings.device_offline_after_us / 1000),
        every_event_(settings.alert_mode == AlertMode::kEveryEvent),
        reader_(settings),
        devices_(settings.metrics.size(), static_cast<std::size_t>(settings.live_max_devices)),
        readings_(settings.metrics.size(), static_cast<std::size_t>(settings.live_memory_bytes)),
        trend_(settings.metrics.size()),
        alerts_(kMaxAlerts, every_event_),
        rates_(log, clock, settings) {}

  void SetOnAlert(OnAlert on_alert) override { on_alert_ = std::move(on_alert); }
  bool ready() const override { return ready_; }

  void Run(std::stop_token stop) override {
    bool said = false;
    while (!stop.stop_requested()) {
      const Status done = ReadOn(stop);
      if (done) return;
      if (!said)
        LogWarning("live view", "the log cannot be read", {{"reason", done.error().message()}});
      said = true;
      WaitUs(kRetryUs, stop);
    }
  }

  LiveFigures Figures() override {
    LiveFigures figures = rates_.Latest();
    const std::unique_lock lock(mutex_);
    const DeviceTable::Counts counts = devices_.Refresh(NowMs(), offline_after_ms_);
    figures.devices = counts.devices;
    figures.online = counts.online;
    figures.offline = counts.offline;
    figures.devices_firing = every_event_ ? event_alerts_ : alerts_.devices_firing();
    figures.alerts = alerts_.total();
    figures.alerts_firing = alerts_.firing();
    if (newest_us_ != INT64_MIN) figures.newest_event_us = newest_us_;
    figures.readings = readings_.size();
    figures.bytes = readings_.bytes();
    figures.skipped = skipped_;
    for (const Source* source : {&processed_, &alert_records_}) {
      for (const std::int64_t lag : source->behind) figures.behind += lag;
    }
    return figures;
  }

  DevicePage Devices(const DeviceQuery& query) override {
    const std::string search = Lowered(query.search);
    const std::unique_lock lock(mutex_);
    devices_.Refresh(NowMs(), offline_after_ms_);
    std::vector<std::uint32_t> codes;
    for (std::uint32_t code = 0; code < devices_.end(); ++code) {
      const DeviceTable::Device& device = devices_.At(code);
      if (device.used && Wanted(query, device) && (search.empty() || Contains(device.id, search))) {
        codes.push_back(code);
      }
    }
    DevicePage page{.total = codes.size(), .devices = {}};
    const std::size_t begin = std::min(query.offset, codes.size());
    const std::size_t end = begin + std::min(query.limit, codes.size() - begin);
    std::partial_sort(codes.begin(), codes.begin() + static_cast<std::ptrdiff_t>(end), codes.end(),
                      [&](std::uint32_t a, std::uint32_t b) { return Before(query, a, b); });
    for (std::size_t i = begin; i < end; ++i) page.devices.push_back(ViewOf(codes[i]));
    return page;
  }

  std::optional<DeviceView> Device(std::string_view id) override {
    const std::unique_lock lock(mutex_);
    devices_.Refresh(NowMs(), offline_after_ms_);
    const std::uint32_t code = devices_.Find(id);
    if (code == DeviceTable::kUnknown) return std::nullopt;
    return ViewOf(code);
  }

  std::vector<DeviceView> TakeChanged(std::size_t max, bool& more) override {
    const std::unique_lock lock(mutex_);
    devices_.Refresh(NowMs(), offline_after_ms_);
    std::vector<DeviceView> views;
    for (const std::uint32_t code : devices_.TakeChanged(max)) views.push_back(ViewOf(code));
    more = devices_.has_changed();
    return views;
  }

  AlertPage Alerts(const AlertQuery& query) override {
    const std::string search = Lowered(query.search);
    const std::shared_lock lock(mutex_);
    std::vector<const AlertMessage*> found;
    alerts_.Visit([&](const AlertMessage& alert) {
      if (Matches(query, search, alert)) found.push_back(&alert);
      return true;
    });
    AlertPage page{
        .total = found.size(), .complete = alerts_.complete() && !warm_cut_, .alerts = {}};
    const std::size_t begin = std::min(query.offset, found.size());
    const std::size_t end = begin + std::min(query.limit, found.size() - begin);
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(end), found.end(),
                      [](const AlertMessage* a, const AlertMessage* b) {
                        return std::tie(a->starts_at_us, a->id) > std::tie(b->starts_at_us, b->id);
                      });
    for (std::size_t i = begin; i < end; ++i) page.alerts.push_back(*found[i]);
    return page;
  }

  std::vector<std::pair<std::int64_t, double>> Readings(std::string_view device, std::size_t metric,
                                                        std::int64_t from_us,
                                                        std::int64_t to_us) override {
    std::vector<std::pair<std::int64_t, double>> found;
    {
      const std::shared_lock lock(mutex_);
      const std::uint32_t code = devices_.Find(device);
      if (code == DeviceTable::kUnknown) return found;
      readings_.Visit(code, from_us, to_us, [&](const ReadingStore::Reading& reading) {
        const double value = reading.values[metric];
        if (!std::isnan(value)) found.emplace_back(reading.time_us, value);
        return true;
      });
    }
    std::ranges::reverse(found);
    std::ranges::stable_sort(found, {}, &std::pair<std::int64_t, double>::first);
    return found;
  }

  LiveStatistics Statistics(std::string_view device) override {
    LiveStatistics statistics{.metrics = std::vector<TrendCell>(settings_.metrics.size())};
    const std::shared_lock lock(mutex_);
    const std::uint32_t code = devices_.Find(device);
    if (code == DeviceTable::kUnknown) return statistics;
    readings_.Visit(code, INT64_MIN, INT64_MAX, [&](const ReadingStore::Reading& reading) {
      statistics.since_us = std::min(statistics.since_us, reading.time_us);
      for (std::size_t i = 0; i < reading.values.size(); ++i) {
        if (!std::isnan(reading.values[i])) statistics.metrics[i].Add(reading.values[i]);
      }
      return true;
    });
    return statistics;
  }

  std::vector<EventPlace> Events(std::string_view device, std::size_t limit) override {
    std::vector<EventPlace> places;
    const std::shared_lock lock(mutex_);
    const std::uint32_t code = devices_.Find(device);
    if (code == DeviceTable::kUnknown || limit == 0) return places;
    readings_.Visit(code, INT64_MIN, INT64_MAX, [&](const ReadingStore::Reading& reading) {
      places.push_back({.partition = reading.partition,
                        .offset = reading.offset,
                        .received_ms = reading.received_ms});
      return places.size() < limit;
    });
    return places;
  }

  std::vector<std::pair<std::int64_t, TrendCell>> Trend(std::size_t metric, std::int64_t from_us,
                                                        std::int64_t to_us) override {
    std::vector<std::pair<std::int64_t, TrendCell>> minutes;
    const std::shared_lock lock(mutex_);
    trend_.Visit(metric, from_us, to_us, [&](std::int64_t minute_us, const TrendCell& cell) {
      minutes.emplace_back(minute_us, cell);
    });
    return minutes;
  }
  std::int64_t first_minute_us() override {
    const std::shared_lock lock(mutex_);
    return trend_.first_us();
  }
  std::optional<std::pair<std::int64_t, TrendCell>> LastMinute(std::size_t metric) override {
    const std::shared_lock lock(mutex_);
    std::optional<std::pair<std::int64_t, TrendCell>> last;
    if (newest_us_ == INT64_MIN) return last;
    trend_.Visit(
        metric, newest_us_ - 2 * MinuteTrend::kMinuteUs, INT64_MAX,
        [&](std::int64_t minute_us, const TrendCell& cell) { last.emplace(minute_us, cell); });
    return last;
  }

  std::string AlertPositions() override {
    const std::shared_lock lock(mutex_);
    return PositionsText();
  }

  std::optional<std::vector<Transition>> TransitionsSince(std::string_view positions) override {
    const std::shared_lock lock(mutex_);
    std::vector<std::int64_t> from;
    if (!ReadPositions(positions, from)) return std::nullopt;
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i] < held_from_[i] || from[i] > alert_records_.next[i]) return std::nullopt;
    }
    std::vector<Transition> found;
    for (const HeldTransition& held : transitions_) {
      if (held.offset >= from[static_cast<std::size_t>(held.partition)]) {
        found.push_back(held.transition);
      }
    }
    return found;
  }

 private:
  // A topic that is read by offsets of our own.
  struct Source {
    std::string topic;
    std::vector<std::int64_t> next;    // by partition
    std::vector<std::int64_t> behind;  // records not read, as of the last look
  };
  struct HeldTransition {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    Transition transition;
  };

  std::int64_t NowMs() const { return clock_.WallUs() / 1000; }

  static bool Wanted(const DeviceQuery& query, const DeviceTable::Device& device) {
    switch (query.which) {
      case DeviceQuery::Which::kAll:
        return true;
      case DeviceQuery::Which::kOnline:
        return device.shown != DeviceTable::State::kOffline;
      case DeviceQuery::Which::kOffline:
        return device.shown == DeviceTable::State::kOffline;
      case DeviceQuery::Which::kAlert:
        return device.alerts > 0;
    }
    return true;
  }

  bool Before(const DeviceQuery& query, std::uint32_t a, std::uint32_t b) const {
    const DeviceTable::Device& left = devices_.At(a);
    const DeviceTable::Device& right = devices_.At(b);
    const auto by = [&](auto x, auto y) {
      if (x != y) return query.descending ? x > y : x < y;
      return left.id < right.id;
    };
    switch (query.sort) {
      case DeviceQuery::Sort::kId:
        return query.descending ? left.id > right.id : left.id < right.id;
      case DeviceQuery::Sort::kSeen:
        return by(left.seen_ms, right.seen_ms);
      case DeviceQuery::Sort::kEvents:
        return by(left.events, right.events);
      case DeviceQuery::Sort::kState: {
        // The worst first: offline, alert, ok.
        const auto rank = [](DeviceTable::State state) { return -static_cast<int>(state); };
        return by(rank(left.shown), rank(right.shown));
      }
      case DeviceQuery::Sort::kMetric: {
        const double x = devices_.ValuesOf(a)[query.metric];
        const double y = devices_.ValuesOf(b)[query.metric];
        if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
        if (std::isnan(x)) return left.id < right.id;
        return by(x, y);
      }
    }
    return left.id < right.id;
  }

  DeviceView ViewOf(std::uint32_t code) const {
    const DeviceTable::Device& device = devices_.At(code);
    const std::span<const double> values = devices_.ValuesOf(code);
    DeviceView view{.id = device.id,
                    .state = static_cast<DeviceView::State>(device.shown),
                    .rules_firing = alerts_.RulesFiring(device.id),
                    .seen_ms = device.seen_ms,
                    .event_us = device.event_us,
                    .events = device.events,
                    .alerts = device.alerts,
                    .values = {values.begin(), values.end()},
                    .status = {}};
    if (device.has_status) view.status = device.status;
    return view;
  }

  Status ReadOn(std::stop_token stop) {
    TOCSIN_TRY(Open());
    std::int64_t measured_us = INT64_MIN / 2;
    while (!stop.stop_requested()) {
      const std::uint64_t seen = log_.AppendCount();
      const std::int64_t now_us = clock_.SteadyUs();
      if (now_us - measured_us >= kMeasureUs) {
        TOCSIN_TRY(rates_.Measure());
        TOCSIN_TRY(LookBehind());
        measured_us = now_us;
      }
      TOCSIN_ASSIGN(const bool alerts, ReadAlerts());
      TOCSIN_ASSIGN(const bool events, ReadEvents());
      if (alerts || events) continue;
      ready_ = true;
      log_.WaitForAppend(seen, kWaitUs, stop);
    }
    return {};
  }

  // From where to read: what was held, or the ends of the topics.
  Status Open() {
    if (!processed_.next.empty()) return {};
    Source processed{.topic = settings_.processed_topic, .next = {}, .behind = {}};
    Source alerts{.topic = settings_.alert_topic, .next = {}, .behind = {}};
    TOCSIN_ASSIGN(bool cut, Place(processed));
    TOCSIN_ASSIGN(cut, Place(alerts));
    const std::unique_lock lock(mutex_);
    warm_cut_ = cut;
    held_from_ = alerts.next;
    processed_ = std::move(processed);
    alert_records_ = std::move(alerts);
    for (const std::int64_t next : alert_records_.next) warm_ends_.push_back(next);
    return RememberEnds();
  }
  // True when there is more in the topic than is read.
  Result<bool> Place(Source& source) {
    TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log_, source.topic));
    bool cut = false;
    for (std::int32_t i = 0; i < count; ++i) {
      TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets({source.topic, i}));
      const std::int64_t from = std::max(offsets.earliest, offsets.latest - kWarmRecords);
      cut = cut || from > 0;
      source.next.push_back(from);
      source.behind.push_back(0);
    }
    return cut;
  }
  // Transitions before these ends are history: nobody is told of them as news.
  Status RememberEnds() {
    for (std::size_t i = 0; i < warm_ends_.size(); ++i) {
      TOCSIN_ASSIGN(const PartitionOffsets offsets,
                    log_.Offsets({alert_records_.topic, static_cast<std::int32_t>(i)}));
      warm_ends_[i] = offsets.latest;
    }
    return {};
  }

  // How much there is to read; passes over what cannot be kept up with.
  Status LookBehind() {
    for (Source* source : {&processed_, &alert_records_}) {
      for (std::size_t i = 0; i < source->next.size(); ++i) {
        TOCSIN_ASSIGN(const PartitionOffsets offsets,
                      log_.Offsets({source->topic, static_cast<std::int32_t>(i)}));
        const std::unique_lock lock(mutex_);
        const bool gone = source->next[i] < offsets.earliest;
        if (gone) source->next[i] = offsets.earliest;
        source->behind[i] = offsets.latest - source->next[i];
        if (source != &processed_ || source->behind[i] <= kMostBehind) continue;
        const std::int64_t jump = source->behind[i] - kKeptWhenBehind;
        source->next[i] += jump;
        source->behind[i] -= jump;
        skipped_ += static_cast<std::uint64_t>(jump);
      }
    }
    return {};
  }

  Result<bool> ReadEvents() {
    bool any = false;
    for (std::size_t i = 0; i < processed_.next.size(); ++i) {
      const auto partition = static_cast<std::int32_t>(i);
      TOCSIN_ASSIGN(const auto batches, Fetch(processed_, i));
      for (const auto& batch : batches) {
        reader_.Read(*batch, processed_.next[i]);
        const std::unique_lock lock(mutex_);
        TakeEvents(partition, batch->timestamp_ms());
        processed_.next[i] = std::max(processed_.next[i], batch->end_offset());
        any = true;
      }
    }
    return any;
  }

  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const Source& source,
                                                                std::size_t partition) {
    const TopicPartition place{source.topic, static_cast<std::int32_t>(partition)};
    TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets(place));
    const std::int64_t from = source.next[partition];
    if (from >= offsets.latest || from < offsets.earliest) {
      return std::vector<std::shared_ptr<const RecordBatch>>();
    }
    return log_.Fetch(place, from, kFetchBytes);
  }

  void TakeEvents(std::int32_t partition, std::int64_t received_ms) {
    const auto on_forget = [this](const std::vector<bool>& gone) { readings_.Forget(gone); };
    const EventBatch& rows = reader_.rows();
    values_.resize(rows.metrics.size());
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (rows.reject[row] != RejectReason::kNone) continue;
      for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = rows.metrics[i][row];
      const std::uint32_t code = devices_.CodeOf(rows.device_id[row], on_forget);
      const std::string_view status = rows.status[row];
      devices_.Update(code, rows.time_us[row], received_ms,
                      status.data() == nullptr ? std::string_view() : status,
                      status.data() != nullptr, values_);
      SetAlerts(code, reader_.is_alert(row));
      readings_.Add(code, {.time_us = rows.time_us[row],
                           .received_ms = received_ms,
                           .partition = partition,
                           .offset = reader_.offset(row),
                           .values = values_});
      trend_.Add(rows.time_us[row], values_);
      newest_us_ = std::max(newest_us_, rows.time_us[row]);
    }
  }
  void SetAlerts(std::uint32_t code, bool event_is_alert) {
    if (!every_event_) {
      // A device that is new here may have alerts that were read before.
      if (devices_.At(code).events == 1) {
        const auto firing = alerts_.RulesFiring(devices_.At(code).id).size();
        devices_.SetAlerts(code, static_cast<std::uint32_t>(firing));
      }
      return;
    }
    const bool was = devices_.At(code).alerts > 0;
    if (was != event_is_alert) event_alerts_ += event_is_alert ? 1 : -1ULL;
    devices_.SetAlerts(code, event_is_alert ? 1 : 0);
  }

  Result<bool> ReadAlerts() {
    bool any = false;
    for (std::size_t i = 0; i < alert_records_.next.size(); ++i) {
      TOCSIN_ASSIGN(const auto batches, Fetch(alert_records_, i));
      for (const auto& batch : batches) {
        TakeAlerts(i, *batch);
        any = true;
      }
    }
    return any;
  }

  void TakeAlerts(std::size_t partition, const RecordBatch& batch) {
    std::vector<Transition> news;
    {
      const std::unique_lock lock(mutex_);
      Record record;
      for (RecordBatch::Cursor cursor(batch); cursor.Next(record);) {
        if (record.offset < alert_records_.next[partition]) continue;
        alert_records_.next[partition] = record.offset + 1;
        Result<AlertMessage> message = ParseAlertMessage(record.value);
        if (!message) continue;  // none of ours
        const AlertMessage& alert = alerts_.Apply(std::move(*message));
        const std::uint32_t code = devices_.Find(alert.device_id);
        if (code != DeviceTable::kUnknown && !every_event_) {
          const auto firing = alerts_.RulesFiring(alert.device_id).size();
          devices_.SetAlerts(code, static_cast<std::uint32_t>(firing));
        }
        if (record.offset < warm_ends_[partition]) {
          held_from_[partition] = record.offset + 1;
          continue;
        }
        Hold(partition, record.offset, alert);
        news.push_back(transitions_.back().transition);
      }
      alert_records_.next[partition] = std::max(alert_records_.next[partition], batch.end_offset());
    }
    if (!on_alert_) return;
    for (const Transition& transition : news) on_alert_(transition.positions, transition.alert);
  }

  void Hold(std::size_t partition, std::int64_t offset, const AlertMessage& alert) {
    transitions_.push_back({.partition = static_cast<std::int32_t>(partition),
                            .offset = offset,
                            .transition = {.positions = PositionsText(), .alert = alert}});
    if (transitions_.size() <= kMaxTransitions) return;
    const HeldTransition& oldest = transitions_.front();
    held_from_[static_cast<std::size_t>(oldest.partition)] = oldest.offset + 1;
    transitions_.pop_front();
  }

  std::string PositionsText() const {
    std::string text;
    for (std::size_t i = 0; i < alert_records_.next.size(); ++i) {
      if (i > 0) text += ',';
      text += std::to_string(i) + ":" + std::to_string(alert_records_.next[i]);
    }
    return text;
  }
  bool ReadPositions(std::string_view text, std::vector<std::int64_t>& next) const {
    for (std::size_t i = 0; i < alert_records_.next.size(); ++i) {
      const std::string prefix = std::to_string(i) + ":";
      if (!text.starts_with(prefix)) return false;
      text.remove_prefix(prefix.size());
      std::int64_t number = 0;
      std::size_t digits = 0;
      while (digits < text.size() && digits < 18 && text[digits] >= '0' && text[digits] <= '9') {
        number = number * 10 + (text[digits++] - '0');
      }
      if (digits == 0) return false;
      text.remove_prefix(digits);
      next.push_back(number);
      if (i + 1 == alert_records_.next.size()) return text.empty();
      if (!text.starts_with(',')) return false;
      text.remove_prefix(1);
    }
    return false;
  }

  Log& log_;
  const Clock& clock_;
  const Settings& settings_;
  const std::int64_t offline_after_ms_;
  const bool every_event_;
  OnAlert on_alert_;
  ProcessedReader reader_;      // of Run()'s thread
  std::vector<double> values_;  // likewise
  std::vector<std::int64_t> warm_ends_;
  std::atomic<bool> ready_{false};

  std::shared_mutex mutex_;  // guards what follows
  Source processed_;
  Source alert_records_;
  DeviceTable devices_;
  ReadingStore readings_;
  MinuteTrend trend_;
  AlertStore alerts_;
  std::int64_t newest_us_ = INT64_MIN;
  std::uint64_t event_alerts_ = 0;  // devices whose newest event is an alert
  std::uint64_t skipped_ = 0;
  bool warm_cut_ = false;
  std::deque<HeldTransition> transitions_;
  std::vector<std::int64_t> held_from_;  // by partition: transitions from here on are held

  RateMeter rates_;  // guards itself
};

}  // namespace

std::unique_ptr<LiveView> LiveView::Make(const Settings& settings, Log& log, const Clock& clock) {
  return std::make_unique<View>(settings, log, clock);
}

}  // namespace tocsin
