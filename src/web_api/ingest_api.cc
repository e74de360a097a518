#include "web_api/ingest_api.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "ingest/ingest_writer.h"
#include "model/event_parser.h"
#include "model/reject_reason.h"
#include "web_api/api_json.h"
#include "web_api/line_protocol.h"
#include "web_api/query.h"
#include "web_api/request_lines.h"

namespace tocsin {
namespace {

constexpr std::string_view kKeyStore = "http-ingest";
constexpr std::int64_t kKeyAgeUs = 24LL * 3600 * 1'000'000;
constexpr std::size_t kMaxKeyBytes = 128;
constexpr std::size_t kMaxErrors = 100;
constexpr std::size_t kRowsAtOnce = 1024;
static_assert(LineFramer::kPadding <= EventParser::kPadding);

EventLimits LimitsOf(const Settings& settings) {
  return {.max_bytes = static_cast<std::size_t>(settings.max_event_bytes),
          .max_depth = static_cast<std::size_t>(settings.max_event_depth),
          .max_fields = static_cast<std::size_t>(settings.max_event_fields)};
}

struct LineError {
  std::size_t line = 0;
  std::string_view reason;
  std::string message;
};

void AppendErrors(std::string& out, const std::vector<LineError>& errors) {
  AppendName(out, "errors");
  out += '[';
  for (const LineError& error : errors) {
    if (out.back() != '[') out += ',';
    out += '{';
    AppendMember(out, "line", std::uint64_t{error.line});
    AppendMember(out, "reason", error.reason);
    AppendMember(out, "message", std::string_view(error.message));
    out += '}';
  }
  out += ']';
}

// What one request needs while it is worked on; used again by the next.
class Workspace {
 public:
  static Result<std::unique_ptr<Workspace>> Make(const WebParts& parts) {
    std::unique_ptr<Workspace> workspace(new Workspace(parts.settings));
    TOCSIN_ASSIGN(workspace->writer_,
                  IngestWriter::Make(parts.settings, parts.log, parts.clock, ""));
    return workspace;
  }

  void Begin() {
    accepted = rejected = blank = 0;
    errors.clear();
  }
  // `line` is followed by padding.
  void Add(std::string_view line, std::size_t number) {
    const FramedLine framed{
        .bytes = line.size() > max_bytes_ ? line.substr(0, LineFramer::kHeadBytes) : line,
        .number = number,
        .size = line.size(),
        .end_offset = 0,
        .blank = line.empty(),
        .too_large = line.size() > max_bytes_};
    writer_->Add(framed);
    if (framed.blank) {
      ++blank;
      return;
    }
    numbers_.push_back(number);
    parser_.Parse(line, rows_);
    if (rows_.size() >= kRowsAtOnce) Judge();
  }
  // Counts what was added; before the bytes of the lines go.
  void Judge() {
    auto message = rows_.messages.begin();
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (rows_.reject[row] == RejectReason::kNone) {
        ++accepted;
        continue;
      }
      ++rejected;
      if (errors.size() >= kMaxErrors) continue;
      while (message != rows_.messages.end() && message->row < row) ++message;
      const bool known = message != rows_.messages.end() && message->row == row;
      errors.push_back({.line = numbers_[row],
                        .reason = RejectReasonName(rows_.reject[row]),
                        .message = known ? message->text : std::string()});
    }
    rows_.Clear();
    numbers_.clear();
  }
  IngestWriter& writer() { return *writer_; }

  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t blank = 0;
  std::vector<LineError> errors;

 private:
  explicit Workspace(const Settings& settings)
      : max_bytes_(static_cast<std::size_t>(settings.max_event_bytes)),
        parser_(settings.metrics, LimitsOf(settings)),
        rows_(settings.metrics.size()) {}

  const std::size_t max_bytes_;
  EventParser parser_;
  EventBatch rows_;
  std::vector<std::size_t> numbers_;
  std::unique_ptr<IngestWriter> writer_;
};

// Answers by Idempotency-Key, the oldest first.
class KeptAnswers {
 public:
  struct Kept {
    std::int64_t at_us = 0;
    std::string body;
  };
  const std::string* Find(const std::string& key) const {
    const auto found = kept_.find(key);
    return found == kept_.end() ? nullptr : &found->second.body;
  }
  // Adds a key; returns those that are dropped for it.
  std::vector<std::string> Add(const std::string& key, Kept kept, std::int64_t now_us) {
    std::vector<std::string> dropped;
    if (kept_.insert_or_assign(key, std::move(kept)).second) order_.push_back(key);
    while (!order_.empty()) {
      const auto oldest = kept_.find(order_.front());
      const bool old = oldest->second.at_us + kKeyAgeUs < now_us;
      if (!old && kept_.size() <= IngestApi::kMaxKeys) break;
      dropped.push_back(order_.front());
      kept_.erase(oldest);
      order_.pop_front();
    }
    return dropped;
  }

 private:
  std::unordered_map<std::string, Kept> kept_;
  std::deque<std::string> order_;
};

}  // namespace

class IngestApi::Impl {
 public:
  explicit Impl(const WebParts& parts) : parts_(parts) {}

  ServerResponse Events(const ServerRequest& request) {
    const std::string_view type = request.Header("content-type");
    const bool lines = type.starts_with("application/x-ndjson") ||
                       type.starts_with("application/jsonl") || type.starts_with("text/plain");
    if (!lines && !type.empty() && !type.starts_with("application/json")) {
      return Problem(415, "send readings as application/json or application/x-ndjson");
    }
    const std::string key(request.Header("idempotency-key"));
    if (key.size() > kMaxKeyBytes)
      return Problem(400, "the Idempotency-Key has more than 128 bytes");
    const KeyGuard guard(*this, key);
    if (!guard.ok()) return Problem(409, "a request with this Idempotency-Key is under way");
    if (!key.empty()) {
      const auto kept = KeptAnswer(key);
      if (!kept) return ProblemOf(kept.error());
      if (!kept->empty())
        return Accepted(kept->substr(0, kept->size() - 1) + R"(,"repeated":true})");
    }
    Result<std::string> body = Decode(request);
    if (!body) return RefuseBody(body.error());
    const std::size_t size = body->size() - EventParser::kPadding;
    Result<std::unique_ptr<Workspace>> workspace = Take();
    if (!workspace) return ProblemOf(workspace.error());
    Workspace& work = **workspace;
    const Status read = ForEachReading(
        *body, size, lines,
        [&](std::string_view reading, std::size_t number) { work.Add(reading, number); });
    work.Judge();
    if (!read) {
      GiveBack(std::move(*workspace));
      return ProblemOf(read.error());
    }
    std::string answer = "{";
    AppendMember(answer, "accepted", work.accepted);
    AppendMember(answer, "rejected", work.rejected);
    AppendMember(answer, "blank_lines", work.blank);
    AppendErrors(answer, work.errors);
    answer += '}';
    const Status committed = Commit(work, key, answer);
    GiveBack(std::move(*workspace));
    if (!committed) return ProblemOf(committed.error());
    return Accepted(std::move(answer));
  }

  ServerResponse LineProtocol(const ServerRequest& request) {
    const auto unit_ns = UnitOf(request);
    if (!unit_ns) return ProblemOf(unit_ns.error());
    Result<std::string> body = Decode(request);
    if (!body) return RefuseBody(body.error());
    const std::size_t size = body->size() - EventParser::kPadding;
    Result<std::unique_ptr<Workspace>> workspace = Take();
    if (!workspace) return ProblemOf(workspace.error());
    Workspace& work = **workspace;
    std::vector<LineError> unreadable;
    std::size_t bad = 0;
    const std::int64_t now_us = parts_.clock.WallUs();
    std::string event;
    (void)ForEachReading(*body, size, true, [&](std::string_view line, std::size_t number) {
      while (line.starts_with(' ')) line.remove_prefix(1);
      if (line.empty() || line.starts_with('#')) return;
      event.clear();
      const Status converted = ConvertLine(line, *unit_ns, now_us, parts_.settings.metrics, event);
      if (!converted) {
        if (++bad <= kMaxErrors) {
          unreadable.push_back(
              {.line = number, .reason = "line_protocol", .message = converted.error().message()});
        }
        return;
      }
      const std::size_t event_size = event.size();
      event.append(EventParser::kPadding, ' ');
      work.Add(std::string_view(event).substr(0, event_size), number);
      work.Judge();  // the next event takes the place of this one
    });
    const std::uint64_t accepted = work.accepted + work.rejected;
    const Status committed = Commit(work, "", "");
    GiveBack(std::move(*workspace));
    if (!committed) return ProblemOf(committed.error());
    if (bad > 0) {
      std::string more;
      AppendMember(more, "accepted", accepted);
      more.insert(0, more.starts_with(',') ? "" : ",");
      AppendErrors(more, unreadable);
      return Problem(400, std::to_string(bad) + " lines are no line protocol; the others are kept",
                     more);
    }
    ServerResponse response;
    response.status = 204;
    return response;
  }

 private:
  // Keeps a second request with the same key out while the first is worked on.
  class KeyGuard {
   public:
    KeyGuard(Impl& impl, const std::string& key) : impl_(impl), key_(key) {
      const std::lock_guard lock(impl_.mutex_);
      ok_ = key_.empty() || impl_.under_way_.insert(key_).second;
    }
    KeyGuard(const KeyGuard&) = delete;
    KeyGuard& operator=(const KeyGuard&) = delete;
    ~KeyGuard() {
      if (!ok_ || key_.empty()) return;
      const std::lock_guard lock(impl_.mutex_);
      impl_.under_way_.erase(key_);
    }
    bool ok() const { return ok_; }

   private:
    Impl& impl_;
    const std::string& key_;
    bool ok_ = false;
  };

  static ServerResponse Accepted(std::string body) {
    ServerResponse response;
    response.status = 202;
    response.body = std::move(body);
    return response;
  }
  static ServerResponse RefuseBody(const Error& error) {
    if (error.code() == Code::kUsage) return Problem(415, error.message());
    if (error.code() == Code::kResourceExhausted) return Problem(413, error.message());
    return ProblemOf(error);
  }

  Result<std::string> Decode(const ServerRequest& request) const {
    return DecodeBody(request.body, request.Header("content-encoding"),
                      static_cast<std::size_t>(parts_.settings.http_max_body_bytes),
                      EventParser::kPadding);
  }

  static Result<std::int64_t> UnitOf(const ServerRequest& request) {
    const std::string unit = TextParameter(request, "precision");
    constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {{"", 1},
                                                                    {"ns", 1},
                                                                    {"n", 1},
                                                                    {"us", 1'000},
                                                                    {"u", 1'000},
                                                                    {"ms", 1'000'000},
                                                                    {"s", 1'000'000'000},
                                                                    {"m", 60'000'000'000},
                                                                    {"h", 3'600'000'000'000}};
    for (const auto& [name, unit_ns] : kUnits) {
      if (unit == name) return unit_ns;
    }
    return Fail(Code::kInvalidArgument,
                "precision='" + unit.substr(0, 40) + "': ns, us, ms, s, m or h");
  }

  Result<std::unique_ptr<Workspace>> Take() {
    std::unique_ptr<Workspace> workspace;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        workspace = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (workspace == nullptr) {
      TOCSIN_ASSIGN(workspace, Workspace::Make(parts_));
    }
    workspace->Begin();
    return workspace;
  }
  void GiveBack(std::unique_ptr<Workspace> workspace) {
    workspace->writer().Forget();
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

  Status Commit(Workspace& work, const std::string& key, const std::string& answer) {
    if (work.accepted + work.rejected == 0) return {};
    const std::int64_t now_us = parts_.clock.WallUs();
    TOCSIN_TRY(work.writer().CommitNow([&](Transaction& transaction) {
      if (key.empty()) return;
      const std::lock_guard lock(mutex_);
      for (const std::string& dropped : std::exchange(dropped_, {})) {
        transaction.PutState(kKeyStore, 0, dropped, "");
      }
      std::string value;
      PutBigEndian64(value, static_cast<std::uint64_t>(now_us));
      transaction.PutState(kKeyStore, 0, key, value + answer);
    }));
    if (!key.empty()) {
      const std::lock_guard lock(mutex_);
      for (std::string& dropped : kept_.Add(key, {.at_us = now_us, .body = answer}, now_us)) {
        dropped_.push_back(std::move(dropped));
      }
    }
    parts_.metrics.Add(Metric::kHttpEvents, work.accepted + work.rejected);
    parts_.metrics.Add(Metric::kEventsIngested, work.accepted + work.rejected);
    parts_.metrics.Add(Metric::kHttpRejectedEvents, work.rejected);
    return {};
  }

  // The answer that the key got, or "".
  Result<std::string> KeptAnswer(const std::string& key) {
    const std::lock_guard lock(mutex_);
    if (!keys_read_) {
      TOCSIN_TRY(parts_.log.EnsureState(kKeyStore, 1));
      std::vector<std::pair<std::int64_t, std::pair<std::string, std::string>>> stored;
      TOCSIN_TRY(parts_.log.ReadState(
          kKeyStore, 0, [&](std::string_view stored_key, std::string_view value) {
            if (value.size() < sizeof(std::uint64_t)) return;
            stored.push_back(
                {static_cast<std::int64_t>(GetBigEndian64(value.data())),
                 {std::string(stored_key), std::string(value.substr(sizeof(std::uint64_t)))}});
          }));
      std::ranges::sort(stored);
      for (auto& [at_us, entry] : stored) {
        kept_.Add(entry.first, {.at_us = at_us, .body = std::move(entry.second)}, at_us);
      }
      keys_read_ = true;
    }
    const std::string* found = kept_.Find(key);
    return found == nullptr ? std::string() : *found;
  }

  const WebParts& parts_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;  // as many as requests were worked on at once
  std::unordered_set<std::string> under_way_;
  KeptAnswers kept_;
  std::vector<std::string> dropped_;  // keys whose state the next commit deletes
  bool keys_read_ = false;
};

IngestApi::IngestApi(const WebParts& parts) : impl_(std::make_unique<Impl>(parts)) {}
IngestApi::~IngestApi() = default;

ServerResponse IngestApi::Events(const ServerRequest& request) {
  return impl_->Events(request);
}
ServerResponse IngestApi::LineProtocol(const ServerRequest& request) {
  return impl_->LineProtocol(request);
}

}  // namespace tocsin
