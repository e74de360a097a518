#include "stage/crash_guard.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "base/logging.h"

namespace tocsin {
namespace {

constexpr char kMagic[8] = {'T', 'O', 'C', 'S', 'I', 'N', 'C', 'G'};
constexpr std::size_t kRanges = 64;

// FNV-1a: the file only has to notice that it belongs to another runner.
std::uint64_t OwnerHash(std::string_view owner) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : owner) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

struct alignas(64) CrashGuard::Range {
  std::uint32_t used;
  std::int32_t partition;
  std::int64_t first;
  std::int64_t end;
  std::int64_t suspect;
  std::uint32_t crashes;
};

struct CrashGuard::Layout {
  struct alignas(64) Head {
    char magic[8];
    std::uint64_t owner;
    std::atomic<std::uint32_t> phase;
    std::int32_t partition;
    std::int64_t first;
    std::int64_t end;
  } head;
  Range ranges[kRanges];
};

Result<std::unique_ptr<CrashGuard>> CrashGuard::Open(const std::string& path,
                                                     std::string_view owner) {
  static_assert(sizeof(Range) == 64 && sizeof(Layout) == 64 * (1 + kRanges));
  TOCSIN_TRY(MakeDirectories(DirectoryOf(path)));
  TOCSIN_ASSIGN(const FileDescriptor fd, OpenFile(path, O_RDWR | O_CREAT));
  struct stat status = {};
  const bool fits = ::fstat(fd.get(), &status) == 0 && status.st_size == sizeof(Layout);
  // posix_fallocate, because a hole that the full disk cannot fill is a SIGBUS at the first store.
  const int error = ::posix_fallocate(fd.get(), 0, sizeof(Layout));
  if (error != 0 || (!fits && ::ftruncate(fd.get(), sizeof(Layout)) != 0)) {
    return Fail(Code::kDiskError, "make the crash guard file " + path + ": " +
                                      std::strerror(error != 0 ? error : errno));
  }
  void* memory = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) {
    return Fail(Code::kDiskError, "map the crash guard file " + path + ": " + std::strerror(errno));
  }
  auto* layout = static_cast<Layout*>(memory);
  std::unique_ptr<CrashGuard> guard(new CrashGuard(layout));
  const std::uint64_t hash = OwnerHash(owner);
  if (!fits || std::memcmp(layout->head.magic, kMagic, sizeof kMagic) != 0 ||
      layout->head.owner != hash) {
    std::memset(memory, 0, sizeof(Layout));
    layout->head.owner = hash;
    std::memcpy(layout->head.magic, kMagic, sizeof kMagic);
  }
  guard->TakeIn();
  return guard;
}

CrashGuard::~CrashGuard() {
  ::munmap(layout_, sizeof(Layout));
}

// Turns the offsets that the last run had in hand when it died into a range to be careful with.
void CrashGuard::TakeIn() {
  Layout::Head& head = layout_->head;
  if (head.phase.load() == 0) return;
  Range& range = FindOrTake(head.partition);
  const bool known = range.end > range.first && head.first < range.end;
  if (!known) {
    range.first = head.first;
    range.end = head.end;
    range.suspect = -1;
    range.crashes = 1;
  }
  if (head.end - head.first == 1) {
    if (known) {
      // The crash of the whole range, which found no suspect, counts for this record.
      const bool again = range.suspect == head.first || range.suspect < 0;
      range.crashes = again ? range.crashes + 1 : 1;
    }
    range.suspect = head.first;
  }
  LogWarning("stage", "the last run died while it processed records; going on one by one",
             {{"partition", std::to_string(range.partition)},
              {"first", std::to_string(range.first)},
              {"end", std::to_string(range.end)},
              {"crashes", std::to_string(range.crashes)}});
  head.phase.store(0);
}

CrashGuard::Range* CrashGuard::Find(std::int32_t partition) const {
  for (Range& range : layout_->ranges) {
    if (range.used != 0 && range.partition == partition) return &range;
  }
  return nullptr;
}

CrashGuard::Range& CrashGuard::FindOrTake(std::int32_t partition) {
  if (Range* found = Find(partition)) return *found;
  Range* taken = &layout_->ranges[0];
  for (Range& range : layout_->ranges) {
    if (range.used == 0) {
      taken = &range;
      break;
    }
  }
  *taken = {.used = 1, .partition = partition, .first = 0, .end = 0, .suspect = -1, .crashes = 0};
  return *taken;
}

void CrashGuard::Enter(std::int32_t partition, std::int64_t first, std::int64_t end) {
  layout_->head.partition = partition;
  layout_->head.first = first;
  layout_->head.end = end;
  layout_->head.phase.store(1);
}

void CrashGuard::Leave() {
  layout_->head.phase.store(0);
}

std::int64_t CrashGuard::CarefulUntil(std::int32_t partition) const {
  const Range* range = Find(partition);
  return range == nullptr ? std::numeric_limits<std::int64_t>::min() : range->end;
}

std::uint32_t CrashGuard::Crashes(std::int32_t partition, std::int64_t offset) const {
  const Range* range = Find(partition);
  return range != nullptr && range->suspect == offset ? range->crashes : 0;
}

void CrashGuard::Committed(std::int32_t partition, std::int64_t next_offset) {
  Range* range = Find(partition);
  if (range == nullptr) return;
  if (next_offset >= range->end) {
    range->used = 0;
  } else if (range->suspect >= 0 && range->suspect < next_offset) {
    // Its crashes are accounted for; another culprit in the range starts from nothing.
    range->suspect = -1;
    range->crashes = 0;
  }
}

}  // namespace tocsin
