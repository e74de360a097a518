#include "deliver/alert_log_stage.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "deliver/alert_file.h"
#include "deliver/leftover_lines.h"

namespace tocsin {
namespace {

constexpr std::string_view kStageName = "alert-log";
constexpr std::string_view kStateKey = "file";
constexpr char kVersion = 1;
constexpr std::size_t kEntryHeader = 1 + 4 * 8;
constexpr std::size_t kWriteBytes = 1u << 20;

// The state of the one file, stored alike under every partition of a transaction; the newest
// counts.
struct FileState {
  std::uint64_t sequence = 0;  // transactions since the beginning
  std::optional<AlertFile::Position> position;
  std::string leftover;  // encoded LeftoverLines of records that were not read again yet
};

std::string Encode(const FileState& state) {
  std::string out(1, kVersion);
  PutFixed(out, state.sequence);
  PutFixed(out, state.position->inode);
  PutFixed(out, state.position->size);
  PutFixed(out, state.position->mark);
  return out += state.leftover;
}

bool Decode(std::string_view bytes, FileState& state) {
  if (bytes.size() < kEntryHeader || bytes[0] != kVersion) return false;
  state.sequence = GetFixed<std::uint64_t>(bytes.data() + 1);
  state.position = AlertFile::Position{.inode = GetFixed<std::uint64_t>(bytes.data() + 9),
                                       .size = GetFixed<std::int64_t>(bytes.data() + 17),
                                       .mark = GetFixed<std::uint64_t>(bytes.data() + 25)};
  state.leftover = bytes.substr(kEntryHeader);
  return true;
}

class AlertLogStageImpl final : public AlertLogStage {
 public:
  explicit AlertLogStageImpl(AlertLogOptions options) : file_(std::move(options)) {}

  Status Open() { return file_.Open(); }

  std::string_view name() const override { return kStageName; }
  Status Restore(std::int32_t partition, const StateReader& read_state) override;
  void Drop(std::int32_t partition) override { partitions_.erase(partition); }
  Status Process(const PolledBatch& polled, Collector& collector) override;
  Status Flush(Collector& collector) override;
  Status Quarantine(const PolledBatch& single_record, std::string_view why,
                    Collector& collector) override;
  std::uint64_t lines_written() const override { return lines_written_.load(); }

 private:
  Status Recover();
  void TakeLine(std::int32_t partition, std::string_view value);
  bool IsLeftover(std::int32_t partition, std::string_view line);
  Status WriteOut();

  AlertFile file_;
  FileState state_;
  bool recovered_ = false;
  LeftoverLines leftover_;
  std::set<std::int32_t> partitions_;  // in our hands
  std::set<std::int32_t> past_leftover_;
  std::set<std::int32_t> touched_;  // in this transaction
  bool begun_ = false;              // this transaction has written
  std::string buffer_;
  std::string line_;
  std::uint64_t lines_ = 0;  // in this transaction
  std::atomic<std::uint64_t> lines_written_{0};
};

Status AlertLogStageImpl::Restore(std::int32_t partition, const StateReader& read_state) {
  bool readable = true;
  TOCSIN_TRY(read_state([&](std::string_view key, std::string_view value) {
    FileState stored;
    if (key != kStateKey || !Decode(value, stored)) {
      readable = false;
    } else if (stored.sequence > state_.sequence) {
      state_ = std::move(stored);
    }
  }));
  if (!readable) {
    return Fail(Code::kDataLoss,
                "the stored position of the alert log cannot be read; run "
                "`tocsin doctor`");
  }
  partitions_.insert(partition);
  past_leftover_.erase(partition);
  return {};
}

// Not before the first record: the newest state may be that of any partition.
Status AlertLogStageImpl::Recover() {
  if (recovered_) return {};
  if (!leftover_.Decode(state_.leftover)) {
    return Fail(Code::kDataLoss,
                "the stored position of the alert log cannot be read; run "
                "`tocsin doctor`");
  }
  TOCSIN_TRY(file_.Recover(state_.position, leftover_));
  recovered_ = true;
  return {};
}

Status AlertLogStageImpl::Process(const PolledBatch& polled, Collector& /*collector*/) {
  TOCSIN_TRY(Recover());
  touched_.insert(polled.partition.partition);
  RecordBatch::Cursor cursor(*polled.batch);
  cursor.Skip(polled.first);
  Record record;
  for (std::uint32_t i = 0; i < polled.count && cursor.Next(record); ++i) {
    TakeLine(polled.partition.partition, record.value);
    if (buffer_.size() >= kWriteBytes) TOCSIN_TRY(WriteOut());
  }
  return {};
}

void AlertLogStageImpl::TakeLine(std::int32_t partition, std::string_view value) {
  line_ = value;
  std::ranges::replace(line_, '\n', ' ');
  if (IsLeftover(partition, line_)) return;
  buffer_.append(line_).push_back('\n');
  ++lines_;
}

// The lines that a crash left are the first records of their partitions, so the first record that
// is not among them ends the comparison for its partition.
bool AlertLogStageImpl::IsLeftover(std::int32_t partition, std::string_view line) {
  if (leftover_.empty() || past_leftover_.contains(partition)) return false;
  if (leftover_.Take(line)) return true;
  past_leftover_.insert(partition);
  if (std::ranges::includes(past_leftover_, partitions_)) leftover_.Clear();
  return false;
}

Status AlertLogStageImpl::WriteOut() {
  if (buffer_.empty()) return {};
  if (!begun_) TOCSIN_TRY(file_.BeginTransaction());
  begun_ = true;
  TOCSIN_TRY(file_.Append(buffer_));
  buffer_.clear();
  return {};
}

Status AlertLogStageImpl::Flush(Collector& collector) {
  if (touched_.empty()) return {};
  TOCSIN_TRY(WriteOut());
  TOCSIN_ASSIGN(state_.position, file_.Sync());
  ++state_.sequence;
  state_.leftover.clear();
  leftover_.EncodeTo(state_.leftover);
  const std::string entry = Encode(state_);
  for (const std::int32_t partition : touched_) {
    if (collector.wants_snapshot(partition)) collector.ReplaceState(partition);
    collector.PutState(partition, kStateKey, entry);
  }
  touched_.clear();
  begun_ = false;
  lines_written_ += std::exchange(lines_, 0);
  return {};
}

// A record of iot.alerts that cannot be handled is still an alert: it is left out of the file, and
// the runner's message says so.
Status AlertLogStageImpl::Quarantine(const PolledBatch& single_record, std::string_view /*why*/,
                                     Collector& /*collector*/) {
  TOCSIN_TRY(Recover());
  touched_.insert(single_record.partition.partition);
  return {};
}

}  // namespace

Result<std::unique_ptr<AlertLogStage>> AlertLogStage::Make(AlertLogOptions options) {
  auto stage = std::make_unique<AlertLogStageImpl>(std::move(options));
  TOCSIN_TRY(stage->Open());
  return stage;
}

}  // namespace tocsin
