#include "ingest/ingest.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/logging.h"
#include "base/wait.h"
#include "ingest/ingest_writer.h"
#include "ingest/input_files.h"

namespace tocsin {
namespace {

constexpr std::int64_t kFlushUs = 50'000;        // a line of a slow input waits no longer
constexpr std::int64_t kFollowPollUs = 100'000;  // between two looks at a file that stands still
constexpr double kPacedCommitsPerSecond = 20;

// What happened to a followed file behind our back.
enum class FileChange : std::uint8_t { kNone, kTruncated, kReplaced };

FileChange ChangeOf(int fd, const std::string& path, std::uint64_t read_offset) {
  struct stat open{};
  struct stat named{};
  if (::fstat(fd, &open) != 0) return FileChange::kNone;
  // A name that is gone for the moment belongs to a rotation that is not finished.
  if (::stat(path.c_str(), &named) == 0 &&
      (named.st_ino != open.st_ino || named.st_dev != open.st_dev)) {
    return FileChange::kReplaced;
  }
  const bool shorter = static_cast<std::uint64_t>(open.st_size) < read_offset;
  return shorter ? FileChange::kTruncated : FileChange::kNone;
}

// True unless nothing can be read within `timeout_us`; the end of the input can be read.
bool WaitReadable(int fd, std::int64_t timeout_us) {
  pollfd wait{fd, POLLIN, 0};
  const int ready = ::poll(&wait, 1, static_cast<int>((timeout_us + 999) / 1000));
  return ready > 0;
}

Status RefuseCompressed(int fd, const std::string& path) {
  std::array<unsigned char, 4> head{};
  if (::pread(fd, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) return {};
  const bool gzip = head[0] == 0x1f && head[1] == 0x8b;
  const bool zstd = head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd;
  if (!gzip && !zstd) return {};
  return Fail(Code::kInvalidArgument, "input " + path + " is compressed; unpack it on the way: " +
                                          (gzip ? "zcat " : "zstdcat ") + path +
                                          " | tocsin ingest -");
}

// Reads one input after the other into the writer.
class Ingestion {
 public:
  Ingestion(const Settings& settings, const IngestOptions& options, Log& log, const Clock& clock,
            IngestWriter& writer, std::stop_token stop)
      : settings_(settings),
        options_(options),
        log_(log),
        clock_(clock),
        writer_(writer),
        stop_(std::move(stop)),
        framer_(static_cast<std::size_t>(settings.max_event_bytes)),
        start_us_(clock.SteadyUs()) {
    if (options_.rate > 0) {
      const double records = options_.rate / kPacedCommitsPerSecond;
      writer_.LimitRecords(
          std::clamp<std::size_t>(static_cast<std::size_t>(records), 1, IngestWriter::kMaxLines));
    }
  }

  Status Run(const std::string& input, bool follow) {
    input_ = input;
    positions_.reset();
    last_offset_ = 0;
    last_line_ = 0;
    framer_.Reset(0, 0);
    if (input == "-") return ReadStandardInput();
    TOCSIN_TRY(Open());
    struct stat status{};
    if (::fstat(file_.get(), &status) == 0 && S_ISREG(status.st_mode)) {
      TOCSIN_TRY(RefuseCompressed(file_.get(), input_));
      TOCSIN_TRY(Resume());
      return ReadFile(follow);
    }
    if (S_ISDIR(status.st_mode)) return Fail(Code::kNotFound, "input " + input + " is a directory");
    return ReadStream(file_.get());  // a pipe or a device has no position to remember
  }

 private:
  Status Open() {
    auto opened = OpenFile(input_, O_RDONLY);
    if (!opened) {
      return Fail(Code::kNotFound, "input cannot be read: " + opened.error().message());
    }
    file_ = std::move(*opened);
    return {};
  }

  // Goes on behind the last line of this file that is in the log.
  Status Resume() {
    char* real = ::realpath(input_.c_str(), nullptr);
    const std::string real_path = real == nullptr ? input_ : real;
    std::free(real);
    positions_.emplace(log_, settings_.raw_topic, real_path);
    TOCSIN_ASSIGN(const std::optional<InputPosition> position, positions_->Load());
    if (!position || options_.from_start) return {};
    if (!StillAt(file_.get(), *position)) {
      LogInfo("ingest", "the file is not the one that was read before; starting at its head",
              {{"input", input_}});
      return {};
    }
    if (position->offset > 0) {
      LogInfo("ingest", "going on behind the last ingested line",
              {{"input", input_}, {"line", std::to_string(position->line)}});
    }
    return SeekTo(position->offset, position->line);
  }

  Status SeekTo(std::uint64_t offset, std::uint64_t line) {
    if (::lseek(file_.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
      return Fail(Code::kDiskError, "seek in " + input_ + ": " + std::strerror(errno));
    }
    framer_.Reset(offset, line);
    last_offset_ = offset;
    last_line_ = line;
    return {};
  }

  Status ReadFile(bool follow) {
    bool replaced = false;  // the name belongs to another file: this one is read to its end
    for (;;) {
      TOCSIN_TRY(TakeLines());
      if (stop_.stop_requested()) return Commit();
      TOCSIN_ASSIGN(const std::size_t count, framer_.Fill(file_.get(), input_));
      if (count > 0) continue;
      if (!follow || replaced) TOCSIN_TRY(TakeLastLine());
      TOCSIN_TRY(Commit());
      if (!follow) return {};
      if (replaced) {
        TOCSIN_TRY(StartReplacement());
        replaced = false;
        continue;
      }
      switch (ChangeOf(file_.get(), input_, framer_.read_offset())) {
        case FileChange::kNone:
          WaitUs(kFollowPollUs, stop_);
          break;
        case FileChange::kReplaced:
          replaced = true;
          break;
        case FileChange::kTruncated:
          LogInfo("ingest", "the file was truncated; starting at its head", {{"input", input_}});
          TOCSIN_TRY(SeekTo(0, 0));
          break;
      }
    }
  }

  Status StartReplacement() {
    LogInfo("ingest", "the file was rotated; going on with the new one", {{"input", input_}});
    // Between two renames the name can be missing for a moment.
    while (::access(input_.c_str(), F_OK) != 0) {
      if (!WaitUs(kFollowPollUs, stop_)) return {};
    }
    TOCSIN_TRY(Open());
    return SeekTo(0, 0);
  }

  Status ReadStandardInput() { return ReadStream(STDIN_FILENO); }

  Status ReadStream(int fd) {
    for (;;) {
      TOCSIN_TRY(TakeLines());
      if (stop_.stop_requested()) break;
      std::int64_t wait_us = kFlushUs;
      if (!writer_.empty()) {
        wait_us = writer_.oldest_us() + kFlushUs - clock_.SteadyUs();
        if (wait_us <= 0) TOCSIN_TRY(Commit());
      }
      if (!WaitReadable(fd, std::clamp<std::int64_t>(wait_us, 0, kFlushUs))) continue;
      TOCSIN_ASSIGN(const std::size_t count, framer_.Fill(fd, input_));
      if (count == 0) {
        TOCSIN_TRY(TakeLastLine());
        break;
      }
    }
    return Commit();
  }

  Status TakeLines() {
    FramedLine line;
    while (framer_.Next(line)) TOCSIN_TRY(Take(line));
    return {};
  }

  Status TakeLastLine() {
    FramedLine line;
    return framer_.Finish(line) ? Take(line) : Status();
  }

  Status Take(const FramedLine& line) {
    writer_.Add(line);
    last_offset_ = line.end_offset;
    last_line_ = line.number;
    return writer_.full() ? Commit() : Status();
  }

  Status Commit() {
    if (writer_.empty()) return {};
    std::optional<InputPosition> position;
    if (positions_) {
      TOCSIN_ASSIGN(position, MakePosition(file_.get(), input_, last_offset_, last_line_));
    }
    TOCSIN_TRY(writer_.Commit(input_, positions_ ? &*positions_ : nullptr, position, stop_));
    if (options_.progress) options_.progress(writer_.report().lines, writer_.report().bytes);
    return Pace();
  }

  // Waits until the lines so far are due.
  Status Pace() {
    if (options_.rate <= 0) return {};
    const double due = static_cast<double>(writer_.report().lines) / options_.rate * 1e6;
    const std::int64_t wait_us = start_us_ + static_cast<std::int64_t>(due) - clock_.SteadyUs();
    if (wait_us > 0) WaitUs(wait_us, stop_);
    return {};
  }

  const Settings& settings_;
  const IngestOptions& options_;
  Log& log_;
  const Clock& clock_;
  IngestWriter& writer_;
  const std::stop_token stop_;
  LineFramer framer_;
  const std::int64_t start_us_;

  std::string input_;
  FileDescriptor file_;
  std::optional<PositionKeeper> positions_;
  std::uint64_t last_offset_ = 0;  // behind the last line taken
  std::uint64_t last_line_ = 0;
};

}  // namespace

Result<IngestReport> RunIngest(const Settings& settings, const IngestOptions& options, Log& log,
                               const Clock& clock, std::stop_token stop) {
  const std::int64_t start_us = clock.SteadyUs();
  TOCSIN_ASSIGN(const std::vector<std::string> inputs, ExpandInputFiles(options.paths));
  TOCSIN_ASSIGN(const std::unique_ptr<IngestWriter> writer,
                IngestWriter::Make(settings, log, clock, options.acks_path));
  Ingestion ingestion(settings, options, log, clock, *writer, stop);
  for (std::size_t i = 0; i < inputs.size() && !stop.stop_requested(); ++i) {
    const bool last = i + 1 == inputs.size();
    const Status done = ingestion.Run(inputs[i], options.follow && last);
    if (done) continue;
    // A file goes on where it stands at the next run; what a pipe gave cannot be read again.
    if (done.error().code() == Code::kCancelled && inputs[i] != "-") break;
    if (done.error().code() == Code::kCancelled) {
      return Fail(Code::kResourceExhausted,
                  "lines of standard input were not ingested: " + done.error().message());
    }
    return std::unexpected(done.error());
  }
  IngestReport report = writer->report();
  report.seconds = static_cast<double>(clock.SteadyUs() - start_us) / 1e6;
  return report;
}

}  // namespace tocsin
