#include <array>

#include "base/bytes.h"
#include "base/json_text.h"
#include "base/time_text.h"
#include "deliver/outbox.h"

// Rows as bytes of the keyed state and as JSON for people.
namespace tocsin {
namespace {

constexpr char kRowVersion = 1;
constexpr char kMessageVersion = 1;

void PutSigned(std::string& out, std::int64_t value) {
  PutVarint(out, static_cast<std::uint64_t>(value));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  std::uint64_t Number() {
    std::uint64_t value = 0;
    if (at_ != nullptr) at_ = ReadVarint(at_, end_, value);
    return at_ == nullptr ? 0 : value;
  }
  std::int64_t Signed() { return static_cast<std::int64_t>(Number()); }
  std::string Bytes() {
    std::string_view value;
    if (at_ != nullptr) at_ = ReadBytes(at_, end_, value);
    return at_ == nullptr ? std::string() : std::string(value);
  }
  bool ok() const { return at_ != nullptr; }
  bool Finished() const { return at_ == end_; }

 private:
  const char* at_;  // nullptr after a failure
  const char* end_;
};

void AppendMember(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"" + std::string(name) + "\":";
  AppendJsonString(out, value);
}
void AppendMember(std::string& out, std::string_view name, std::uint64_t value) {
  out += ",\"" + std::string(name) + "\":" + std::to_string(value);
}
void AppendTime(std::string& out, std::string_view name, std::int64_t time_us) {
  out += ",\"" + std::string(name) + "\":";
  if (time_us <= 0) {
    out += "null";
  } else {
    AppendJsonString(out, FormatTime(time_us));
  }
}

void AppendAttempts(std::string& out, const std::vector<Delivery::Attempt>& log) {
  out += ",\"log\":[";
  for (const Delivery::Attempt& attempt : log) {
    if (&attempt != &log.front()) out += ',';
    out += "{\"outcome\":";
    AppendJsonString(out, SendOutcomeName(attempt.result.outcome));
    AppendTime(out, "at", attempt.at_us);
    out += ",\"took_ms\":";
    AppendJsonNumber(out, static_cast<double>(attempt.took_us) / 1000);
    out += ",\"status\":" + std::to_string(attempt.result.status);
    AppendMember(out, "message", attempt.result.message);
    out += '}';
  }
  out += ']';
}

}  // namespace

std::string_view DeliveryStateName(Delivery::State state) {
  constexpr std::array<std::string_view, 4> kNames{"queued", "sending", "done", "dead"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view SendOutcomeName(SendResult::Outcome outcome) {
  constexpr std::array<std::string_view, 4> kNames{"delivered", "retry", "dead", "disabled"};
  return kNames[static_cast<std::size_t>(outcome)];
}

std::string Delivery::ToJson(bool with_message) const {
  std::string out = "{\"id\":";
  AppendJsonString(out, id);
  AppendMember(out, "state", DeliveryStateName(state));
  AppendMember(out, "channel", channel);
  AppendMember(out, "kind", kind);
  AppendMember(out, "receiver", receiver);
  AppendMember(out, "group_key", group_key);
  AppendMember(out, "summary", summary);
  AppendMember(out, "attempts", attempts);
  AppendMember(out, "firing", firing);
  AppendMember(out, "resolved", resolved);
  out += std::string(",\"maybe_sent\":") + (maybe_sent ? "true" : "false");
  out += std::string(",\"meta\":") + (meta ? "true" : "false");
  AppendTime(out, "queued_at", queued_us);
  AppendTime(out, "due_at", state == State::kQueued ? due_us : 0);
  AppendTime(out, "ended_at", ended_us);
  AppendMember(out, "last_error",
               log.empty() || log.back().result.outcome == SendResult::Outcome::kDelivered
                   ? std::string_view()
                   : std::string_view(log.back().result.message));
  out += ",\"message_bytes\":" + std::to_string(message.body.size());
  if (with_message) {
    AppendAttempts(out, log);
    out += ",\"message\":";
    if (has_message) {
      out += "{\"content_type\":";
      AppendJsonString(out, message.content_type);
      AppendMember(out, "body", message.body);
      out += '}';
    } else {
      out += "null";
    }
  }
  return out + "}";
}

std::string EncodeDelivery(const Delivery& delivery) {
  std::string out(1, kRowVersion);
  for (const std::string* text : {&delivery.id, &delivery.channel, &delivery.kind,
                                  &delivery.receiver, &delivery.group_key, &delivery.summary}) {
    PutBytes(out, *text);
  }
  PutVarint(out, static_cast<std::uint64_t>(delivery.state) | (delivery.maybe_sent ? 4U : 0U) |
                     (delivery.meta ? 8U : 0U));
  PutVarint(out, delivery.attempts);
  PutVarint(out, delivery.sequence);
  PutSigned(out, delivery.queued_us);
  PutSigned(out, delivery.due_us);
  PutSigned(out, delivery.ended_us);
  PutVarint(out, delivery.firing);
  PutVarint(out, delivery.resolved);
  PutVarint(out, delivery.log.size());
  for (const Delivery::Attempt& attempt : delivery.log) {
    PutSigned(out, attempt.at_us);
    PutSigned(out, attempt.took_us);
    PutVarint(out, static_cast<std::uint64_t>(attempt.result.outcome));
    PutSigned(out, attempt.result.status);
    PutSigned(out, attempt.result.retry_after_us);
    PutBytes(out, attempt.result.message);
  }
  return out;
}

bool DecodeDelivery(std::string_view bytes, Delivery& delivery) {
  if (bytes.empty() || bytes[0] != kRowVersion) return false;
  Reader reader(bytes.substr(1));
  for (std::string* text : {&delivery.id, &delivery.channel, &delivery.kind, &delivery.receiver,
                            &delivery.group_key, &delivery.summary}) {
    *text = reader.Bytes();
  }
  const std::uint64_t flags = reader.Number();
  delivery.state = static_cast<Delivery::State>(flags & 3);
  delivery.maybe_sent = (flags & 4) != 0;
  delivery.meta = (flags & 8) != 0;
  delivery.attempts = static_cast<std::uint32_t>(reader.Number());
  delivery.sequence = reader.Number();
  delivery.queued_us = reader.Signed();
  delivery.due_us = reader.Signed();
  delivery.ended_us = reader.Signed();
  delivery.firing = reader.Number();
  delivery.resolved = reader.Number();
  const std::uint64_t attempts = reader.Number();
  if (attempts > Delivery::kMaxAttempts) return false;
  delivery.log.resize(static_cast<std::size_t>(attempts));
  for (Delivery::Attempt& attempt : delivery.log) {
    attempt.at_us = reader.Signed();
    attempt.took_us = reader.Signed();
    attempt.result.outcome = static_cast<SendResult::Outcome>(reader.Number() & 3);
    attempt.result.status = static_cast<int>(reader.Signed());
    attempt.result.retry_after_us = reader.Signed();
    attempt.result.message = reader.Bytes();
  }
  return reader.ok() && reader.Finished();
}

std::string EncodeMessage(const RenderedMessage& message) {
  std::string out(1, kMessageVersion);
  PutBytes(out, message.content_type);
  PutBytes(out, message.body);
  PutVarint(out, message.headers.size());
  for (const auto& [name, value] : message.headers) {
    PutBytes(out, name);
    PutBytes(out, value);
  }
  return out;
}

bool DecodeMessage(std::string_view bytes, RenderedMessage& message) {
  if (bytes.empty() || bytes[0] != kMessageVersion) return false;
  Reader reader(bytes.substr(1));
  message.content_type = reader.Bytes();
  message.body = reader.Bytes();
  const std::uint64_t headers = reader.Number();
  if (headers > bytes.size()) return false;
  message.headers.resize(static_cast<std::size_t>(headers));
  for (auto& [name, value] : message.headers) {
    name = reader.Bytes();
    value = reader.Bytes();
  }
  return reader.ok() && reader.Finished();
}

}  // namespace tocsin
