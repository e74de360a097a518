#include "batch/incremental_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "base/file.h"
#include "base/logging.h"
#include "batch/row_codec.h"

namespace tocsin {
namespace {

constexpr std::string_view kMagic = "tocsin batch state 4\n";
constexpr std::size_t kEdgeBytes = 4096;  // of an input, that its fingerprint looks at

// Kinds of parts, which come in this order.
constexpr char kHead = 'h';
constexpr char kRows = 'r';   // of a partition
constexpr char kGroup = 'g';  // of the tables

static_assert(PartFile::kSlack >= kFieldSlack, "rows are read where the file is mapped");

bool IsCompressed(const std::string& name) {
  return name.ends_with(".gz") || name.ends_with(".zst");
}

Result<std::string> ReadAt(int fd, const std::string& name, std::uint64_t position,
                           std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(Code::kInvalidArgument, "input " + name + " cannot be read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

// Of the first and the last bytes of [0, end).
Result<std::uint64_t> FingerprintOfFile(int fd, const std::string& name, std::uint64_t end) {
  const std::size_t edge = static_cast<std::size_t>(std::min<std::uint64_t>(end, kEdgeBytes));
  TOCSIN_ASSIGN(std::string bytes, ReadAt(fd, name, 0, edge));
  TOCSIN_ASSIGN(const std::string last, ReadAt(fd, name, end - edge, edge));
  bytes += last;
  return XXH3_64bits(bytes.data(), bytes.size());
}

// The end of the last whole line of a file of `size` bytes, not before `from`.
Result<std::uint64_t> EndOfLines(int fd, const std::string& name, std::uint64_t from,
                                 std::uint64_t size) {
  while (size > from) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(size - from, 1 << 16));
    TOCSIN_ASSIGN(const std::string bytes, ReadAt(fd, name, size - step, step));
    const std::size_t newline = bytes.rfind('\n');
    if (newline != std::string::npos) return size - step + newline + 1;
    size -= step;
  }
  return from;
}

Result<std::pair<FileDescriptor, std::uint64_t>> OpenSized(const std::string& name) {
  TOCSIN_ASSIGN(FileDescriptor fd, OpenFile(name, O_RDONLY));
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) {
    return Fail(Code::kInvalidArgument, "input " + name + " cannot be read");
  }
  return std::pair(std::move(fd), static_cast<std::uint64_t>(status.st_size));
}

void PutDictionary(std::string& out, const DeviceDictionary& dictionary) {
  PutVarint(out, dictionary.size());
  for (std::uint32_t code = 0; code < dictionary.size(); ++code) {
    PutBytes(out, dictionary.Decode(code));
  }
}

const char* ReadDictionary(const char* at, const char* end, DeviceDictionary& dictionary) {
  std::uint64_t size = 0;
  at = ReadVarint(at, end, size);
  for (std::uint64_t i = 0; at != nullptr && i < size; ++i) {
    std::string_view text;
    at = ReadBytes(at, end, text);
    if (at != nullptr) dictionary.Encode(text);
  }
  return at;
}

}  // namespace

std::string IncrementalState::PathFor(const std::string& cleansed_path) {
  const std::filesystem::path path(cleansed_path);
  return (path.parent_path() / ("." + path.filename().string() + ".state")).string();
}

std::uint64_t IncrementalState::FingerprintOf(const Settings& settings) {
  std::string text;
  for (const MetricSpec& metric : settings.metrics) {
    PutBytes(text, metric.name);
    PutFixed(text, metric.min);
    PutFixed(text, metric.max);
    text += metric.required ? 'r' : '-';
    text += metric.is_bool ? 'b' : '-';
  }
  PutFixed(text, settings.max_event_bytes);
  PutFixed(text, settings.max_event_depth);
  PutFixed(text, settings.max_event_fields);
  return XXH3_64bits(text.data(), text.size());
}

Result<PartWriter> IncrementalState::Create(const std::string& path) {
  return PartWriter::Create(path, kMagic);
}

Status IncrementalState::Write(PartWriter& out, const DeviceDictionary& devices,
                               const DeviceDictionary& statuses, const RowPartitioner& rows) const {
  std::string head;
  PutFixed(head, settings);
  PutFixed(head, tables);
  for (const std::uint64_t number : {rejects_bytes, rows_read, blank_lines, good_rows}) {
    PutVarint(head, number);
  }
  for (const std::uint64_t number : rejected) PutVarint(head, number);
  PutVarint(head, inputs.size());
  for (const Input& input : inputs) {
    PutBytes(head, input.name);
    PutVarint(head, input.bytes);
    PutVarint(head, input.lines);
    PutFixed(head, input.fingerprint);
  }
  PutDictionary(head, devices);
  PutDictionary(head, statuses);
  const std::shared_ptr<const RowDivision> division = rows.division();
  PutVarint(head, division->first_ids.size());
  for (const std::string_view id : division->first_ids) PutBytes(head, id);
  TOCSIN_TRY(out.Put(kHead, head));
  std::string block;
  return rows.ForEachRawBlock(
      [&](std::size_t partition, std::string_view bytes, std::uint32_t count) {
        block.clear();
        PutVarint(block, partition);
        PutVarint(block, count);
        block += bytes;
        return out.Put(kRows, block);
      });
}

Status IncrementalState::WriteGroup(PartWriter& out, const KeptGroup& group) {
  return out.Put(kGroup, group.Encode());
}

Result<bool> IncrementalState::Read(const std::string& path, const Settings& current,
                                    DeviceDictionary& devices, DeviceDictionary& statuses,
                                    RowPartitioner& rows) {
  if (!std::filesystem::exists(path)) return false;
  const auto refuse = [&](std::string_view why) {
    *this = {};
    LogWarning("batch",
               "the state of the last run is not used: all inputs are read from their begin",
               {{"file", path}, {"reason", std::string(why)}});
    return false;
  };
  // All of it is checked before the first row is taken.
  auto opened = PartFile::Open(path, kMagic);
  if (!opened) return refuse(opened.error().message());
  const PartFile& file = file_.emplace(std::move(*opened));
  if (file.parts().empty() || file.parts()[0].kind != kHead) return refuse("it is damaged");
  const std::string_view head = file.parts()[0].bytes;
  if (head.size() < sizeof settings + sizeof tables) return refuse("it is damaged");
  const char* at = head.data();
  const char* const head_end = at + head.size();
  settings = GetFixed<std::uint64_t>(at);
  if (settings != FingerprintOf(current)) return refuse("the declared metrics or limits changed");
  tables = GetFixed<std::uint64_t>(at + sizeof settings);
  at += sizeof settings + sizeof tables;
  for (std::uint64_t* number : {&rejects_bytes, &rows_read, &blank_lines, &good_rows}) {
    if (at != nullptr) at = ReadVarint(at, head_end, *number);
  }
  for (std::uint64_t& number : rejected) {
    if (at != nullptr) at = ReadVarint(at, head_end, number);
  }
  std::uint64_t count = 0;
  if (at != nullptr) at = ReadVarint(at, head_end, count);
  for (std::uint64_t i = 0; at != nullptr && i < count; ++i) {
    Input& input = inputs.emplace_back();
    std::string_view name;
    at = ReadBytes(at, head_end, name);
    if (at != nullptr) at = ReadVarint(at, head_end, input.bytes);
    if (at != nullptr) at = ReadVarint(at, head_end, input.lines);
    if (at == nullptr || head_end - at < 8) return refuse("it is damaged");
    input.name = name;
    input.fingerprint = GetFixed<std::uint64_t>(at);
    at += 8;
  }
  if (at != nullptr) at = ReadDictionary(at, head_end, devices);
  if (at != nullptr) at = ReadDictionary(at, head_end, statuses);
  if (at != nullptr) at = ReadVarint(at, head_end, count);
  std::vector<std::string_view> first_ids;
  for (std::uint64_t i = 0; at != nullptr && i < count; ++i) {
    at = ReadBytes(at, head_end, first_ids.emplace_back());
  }
  if (at == nullptr) return Fail(Code::kInternal, "the state " + path + " has a head of no sense");
  TOCSIN_TRY(rows.TakeUpDivision(first_ids, good_rows));
  for (std::size_t i = 1; i < file.parts().size(); ++i) {
    const auto& [kind, part] = file.parts()[i];
    if (kind == kGroup) groups_.push_back(part);
    if (kind != kRows) continue;
    std::uint64_t partition = 0, block_rows = 0;
    const char* const block_end = part.data() + part.size();
    const char* block = ReadVarint(part.data(), block_end, partition);
    if (block != nullptr) block = ReadVarint(block, block_end, block_rows);
    if (block == nullptr) {
      return Fail(Code::kInternal, "the state " + path + " has a block of no sense");
    }
    TOCSIN_TRY(rows.AppendRawBlock(partition, {block, static_cast<std::size_t>(block_end - block)},
                                   static_cast<std::uint32_t>(block_rows)));
    TOCSIN_TRY(rows.MayDivide(i, file.parts().size()));
  }
  file.LetGo();
  return true;
}

Status IncrementalState::FindNewParts(std::vector<BatchInput>& found) const {
  for (BatchInput& input : found) {
    if (input.name == "-" || !input.topic.empty()) {
      return Fail(Code::kUsage,
                  "--since-last needs files, not " + input.name + ": name files or leave it out");
    }
    TOCSIN_ASSIGN(const auto opened, OpenSized(input.name));
    const auto& [fd, size] = opened;
    const auto known = std::ranges::find(inputs, input.name, &Input::name);
    if (known != inputs.end()) {
      bool same = known->bytes <= size;
      if (same) {
        TOCSIN_ASSIGN(const std::uint64_t now,
                      FingerprintOfFile(fd.get(), input.name, known->bytes));
        same = now == known->fingerprint && (!IsCompressed(input.name) || size == known->bytes);
      }
      if (same) {
        input.from_bytes = known->bytes;
        input.from_line = known->lines;
      } else {
        LogWarning("batch", "input is not what it was: it is read from its begin",
                   {{"input", input.name},
                    {"reason", size < known->bytes ? "it is shorter" : "its bytes are others"}});
      }
    }
    // A line without an end may still be being written.
    input.to_bytes = size;
    if (!IsCompressed(input.name)) {
      TOCSIN_ASSIGN(input.to_bytes, EndOfLines(fd.get(), input.name, input.from_bytes, size));
    }
    input.stored_bytes = input.to_bytes - input.from_bytes;
  }
  return {};
}

Status IncrementalState::Remember(const BatchInput& input, std::uint64_t lines) {
  TOCSIN_ASSIGN(const auto opened, OpenSized(input.name));
  TOCSIN_ASSIGN(const std::uint64_t fingerprint,
                FingerprintOfFile(opened.first.get(), input.name, input.to_bytes));
  const auto known = std::ranges::find(inputs, input.name, &Input::name);
  Input& place = known != inputs.end() ? *known : inputs.emplace_back();
  place = {input.name, input.to_bytes, lines, fingerprint};
  return {};
}

}  // namespace tocsin
