#include "ingest/input_position.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "log/partitioner.h"

namespace tocsin {
namespace {

constexpr std::uint64_t kTailBytes = 1024;
constexpr unsigned kPutsPerRewrite = 256;

std::string Encode(const InputPosition& position) {
  std::string out;
  for (const std::uint64_t field :
       {position.device, position.inode, position.offset, position.line, position.tail_size}) {
    PutVarint(out, field);
  }
  PutFixed(out, position.tail_hash);
  return out;
}

std::optional<InputPosition> Decode(std::string_view bytes) {
  InputPosition position;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  for (std::uint64_t* field :
       {&position.device, &position.inode, &position.offset, &position.line, &position.tail_size}) {
    at = ReadVarint(at, end, *field);
    if (at == nullptr) return std::nullopt;
  }
  if (static_cast<std::size_t>(end - at) != sizeof position.tail_hash) return std::nullopt;
  position.tail_hash = GetFixed<std::uint32_t>(at);
  return position;
}

// Reads up to `size` bytes before `offset`; shorter when the file is.
std::string ReadTail(int fd, std::uint64_t offset, std::uint64_t size) {
  std::string tail(size, '\0');
  const ssize_t count = ::pread(fd, tail.data(), size, static_cast<off_t>(offset - size));
  tail.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return tail;
}

}  // namespace

PositionKeeper::PositionKeeper(Log& log, const std::string& topic, const std::string& real_path)
    : log_(log),
      key_(topic + '\0' + real_path),
      slot_(static_cast<std::int32_t>(Murmur2(key_) & 0x7fffffff)) {}

Result<std::optional<InputPosition>> PositionKeeper::Load() {
  std::optional<InputPosition> position;
  neighbours_.clear();
  TOCSIN_TRY(log_.ReadState(kIngestStore, slot_, [&](std::string_view key, std::string_view value) {
    if (key == key_) {
      position = Decode(value);
    } else {
      neighbours_.emplace_back(key, value);
    }
  }));
  return position;
}

void PositionKeeper::Put(Transaction& transaction, const InputPosition& position) {
  if (puts_++ % kPutsPerRewrite == 0) {
    transaction.ReplaceState(kIngestStore, slot_);
    for (const auto& [key, value] : neighbours_) {
      transaction.PutState(kIngestStore, slot_, key, value);
    }
  }
  transaction.PutState(kIngestStore, slot_, key_, Encode(position));
}

Result<InputPosition> MakePosition(int fd, const std::string& name, std::uint64_t offset,
                                   std::uint64_t line) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return Fail(Code::kDiskError, "stat " + name + ": " + std::strerror(errno));
  }
  InputPosition position;
  position.device = static_cast<std::uint64_t>(status.st_dev);
  position.inode = static_cast<std::uint64_t>(status.st_ino);
  position.offset = offset;
  position.line = line;
  position.tail_size = std::min(offset, kTailBytes);
  position.tail_hash = Murmur2(ReadTail(fd, offset, position.tail_size));
  return position;
}

bool StillAt(int fd, const InputPosition& position) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return false;
  if (static_cast<std::uint64_t>(status.st_dev) != position.device ||
      static_cast<std::uint64_t>(status.st_ino) != position.inode) {
    return false;
  }
  if (static_cast<std::uint64_t>(status.st_size) < position.offset) return false;
  return Murmur2(ReadTail(fd, position.offset, position.tail_size)) == position.tail_hash;
}

}  // namespace tocsin
