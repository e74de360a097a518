#include <cstdio>
#include <utility>

#include "base/json_text.h"
#include "base/time_text.h"
#include "deliver/dispatcher.h"
#include "deliver/sample_notification.h"

// What people ask of the outbox and the channels.
namespace tocsin {
namespace {

constexpr std::size_t kMaxTests = 4;  // of one channel at a time

std::unexpected<Error> NoChannel(std::string_view name) {
  return Fail(Code::kNotFound,
              "there is no channel '" + std::string(name) + "'; `tocsin channels ls` lists them");
}

}  // namespace

std::string Dispatcher::ListJson(std::string_view state, std::string_view channel,
                                 std::size_t max) const {
  std::string out = "[";
  outbox_.VisitNewest([&](const Delivery& row) {
    if (max == 0) return false;
    if (!state.empty() && DeliveryStateName(row.state) != state) return true;
    if (!channel.empty() && row.channel != channel) return true;
    if (out.size() > 1) out += ',';
    out += row.ToJson(false);
    return --max > 0;
  });
  return out + "]";
}

Result<std::string> Dispatcher::ShowJson(std::string_view id) const {
  const Delivery* row = outbox_.Find(id);
  if (row == nullptr) {
    return Fail(Code::kNotFound,
                "there is no delivery " + std::string(id) + "; `tocsin deliveries ls` lists them");
  }
  return row->ToJson(true);
}

Status Dispatcher::Redeliver(std::string_view id, std::int64_t now_us) {
  const Delivery* row = outbox_.Find(id);
  if (row != nullptr) {
    const auto state = states_.find(row->channel);
    if (state != states_.end() && state->second.disabled) {
      return Fail(Code::kFailedPrecondition, "the channel " + row->channel +
                                                 " is disabled; enable it first: `tocsin "
                                                 "channels enable " +
                                                 row->channel + "`");
    }
  }
  return outbox_.Redeliver(id, now_us);
}

std::string Dispatcher::ChannelsJson(std::int64_t now_us) const {
  std::string out = "[";
  for (const auto& [name, state] : states_) {
    const auto lane = lanes_.find(name);
    const Outbox::Counts counts = outbox_.CountsOf(name);
    out += out.size() > 1 ? ",{\"name\":" : "{\"name\":";
    AppendJsonString(out, name);
    out += ",\"kind\":";
    AppendJsonString(out, lane == lanes_.end() ? "" : lane->second.config.kind);
    out += ",\"receiver\":";
    AppendJsonString(out, lane == lanes_.end() ? "" : lane->second.receiver);
    out += std::string(",\"configured\":") + (lane == lanes_.end() ? "false" : "true");
    out += std::string(",\"disabled\":") + (state.disabled ? "true" : "false");
    out += ",\"breaker\":";
    AppendJsonString(out, state.pace.BreakerName(now_us));
    out += ",\"paused_until\":";
    if (state.pace.paused_until_us() > now_us) {
      AppendJsonString(out, FormatTime(state.pace.paused_until_us()));
    } else {
      out += "null";
    }
    const std::pair<std::string_view, std::uint64_t> numbers[] = {
        {"queued", counts.queued},      {"sending", counts.sending},
        {"done_kept", counts.done},     {"dead_kept", counts.dead},
        {"delivered", state.delivered}, {"failed_attempts", state.failed_attempts},
        {"dead", state.dead},           {"left_out", state.left_out},
        {"outbox_bytes", counts.bytes}};
    for (const auto& [key, value] : numbers) {
      out += ",\"" + std::string(key) + "\":" + std::to_string(value);
    }
    out += ",\"last_dead_reason\":";
    AppendJsonString(out, state.last_reason);
    out += '}';
  }
  return out + "]";
}

Status Dispatcher::Enable(std::string_view channel) {
  const auto state = states_.find(std::string(channel));
  if (state == states_.end()) return NoChannel(channel);
  state->second.disabled = false;
  state->second.pace.ProbeNow();
  changed_lanes_.insert(state->first);
  return {};
}

void Dispatcher::Test(std::string_view channel, std::int64_t now_us, bool here, TestDone done) {
  const auto found = lanes_.find(std::string(channel));
  if (found == lanes_.end()) return done(NoChannel(channel));
  Lane& lane = found->second;
  auto rendered = lane.made.channel->Render(SampleNotification(lane.receiver, now_us));
  if (!rendered) return done(std::unexpected(std::move(rendered).error()));
  if (lane.tests >= kMaxTests) {
    return done(Fail(Code::kResourceExhausted,
                     "tests of " + found->first + " are under way already; wait for them"));
  }
  char id[17];
  std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(random_.Next()));
  SendJob job{.id = id, .message = std::move(*rendered), .context = {}, .test = true};
  job.context.delivery_id = id;
  tests_[id] = std::move(done);
  ++lane.tests;
  WorkerOf(found->first, lane).Push(std::move(job));
  if (!here) return;
  constexpr std::int64_t kLongestTestUs = 120'000'000;  // beyond every timeout of a request
  WorkerOf(found->first, lane).WaitIdle(kLongestTestUs);
  TakeOutcomes(now_us);
  // `done` must not be called any more once this has returned.
  FailTests(Error(Code::kUnavailable, "the receiver did not answer in time"));
}

void Dispatcher::ApplyTest(const SendOutcome& outcome) {
  const auto lane = lanes_.find(outcome.channel);
  if (lane != lanes_.end() && lane->second.tests > 0) --lane->second.tests;
  const auto found = tests_.find(outcome.id);
  if (found == tests_.end()) return;
  const TestDone done = std::move(found->second);
  tests_.erase(found);
  if (!outcome.attempted) return done(Fail(Code::kCancelled, "the delivery ends"));
  const SendResult& result = outcome.attempt.result;
  if (result.outcome == SendResult::Outcome::kDelivered) static_cast<void>(Enable(outcome.channel));
  done(result);
}

void Dispatcher::FailTests(const Error& error) {
  for (auto& [id, done] : std::exchange(tests_, {})) done(std::unexpected(error));
}

}  // namespace tocsin
