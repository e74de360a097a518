#include "batch/part_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <utility>

#include "base/bytes.h"

namespace tocsin {
namespace {

constexpr std::size_t kWriteBytes = 1 << 20;

}  // namespace

Result<PartWriter> PartWriter::Create(const std::string& path, std::string_view magic) {
  TOCSIN_ASSIGN(FileDescriptor fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  return PartWriter(std::move(fd), path, magic);
}

Status PartWriter::Put(char kind, std::string_view bytes) {
  PutVarint(out_, bytes.size() + 1);
  const std::size_t begin = out_.size();
  out_ += kind;
  out_ += bytes;
  PutFixed(out_, XXH3_64bits(out_.data() + begin, bytes.size() + 1));
  return out_.size() < kWriteBytes ? Status() : Flush();
}

Status PartWriter::Flush() {
  TOCSIN_TRY(WriteAll(fd_.get(), out_, path_));
  out_.clear();
  return {};
}

Status PartWriter::Finish() {
  PutVarint(out_, 0);
  return Flush();
}

Result<PartFile> PartFile::Open(const std::string& path, std::string_view magic) {
  TOCSIN_ASSIGN(const FileDescriptor fd, OpenFile(path, O_RDONLY));
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0 || status.st_size == 0) {
    return Fail(Code::kDataLoss, "it is empty or cannot be read");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (mapped == MAP_FAILED) return Fail(Code::kDataLoss, "it cannot be mapped");
  PartFile file({static_cast<const char*>(mapped), size});
  if (!file.mapped_.starts_with(magic)) return Fail(Code::kDataLoss, "it has another form");
  const char* const end = file.mapped_.data() + size;
  for (const char* at = file.mapped_.data() + magic.size();;) {
    std::string_view part;
    at = ReadBytes(at, end, part);
    if (at != nullptr && part.empty() && at == end) return file;
    if (at == nullptr || part.empty() || static_cast<std::size_t>(end - at) < kSlack ||
        GetFixed<std::uint64_t>(at) != XXH3_64bits(part.data(), part.size())) {
      return Fail(Code::kDataLoss, "it is damaged");
    }
    at += kSlack;
    file.parts_.push_back({part.front(), part.substr(1)});
  }
}

void PartFile::LetGo() const {
  ::madvise(const_cast<char*>(mapped_.data()), mapped_.size(), MADV_DONTNEED);
}

PartFile::PartFile(PartFile&& other) noexcept
    : mapped_(std::exchange(other.mapped_, {})), parts_(std::move(other.parts_)) {}

PartFile& PartFile::operator=(PartFile&& other) noexcept {
  std::swap(mapped_, other.mapped_);
  std::swap(parts_, other.parts_);
  return *this;
}

PartFile::~PartFile() {
  if (!mapped_.empty()) ::munmap(const_cast<char*>(mapped_.data()), mapped_.size());
}

}  // namespace tocsin
