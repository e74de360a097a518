#include "batch/kept_groups.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/bytes.h"
#include "base/field_reader.h"

namespace tocsin {

std::string KeptGroup::Encode() const {
  std::string out;
  for (const std::uint64_t number :
       {begin_partition, end_partition, rows_in, rows, position, size}) {
    PutVarint(out, number);
  }
  PutFixed(out, checksum);
  PutBytes(out, layout);
  PutBytes(out, aggregates);
  return out;
}

std::optional<KeptGroup> KeptGroup::Decode(std::string_view bytes) {
  KeptGroup group;
  FieldReader fields(bytes);
  for (std::uint64_t* number : {&group.begin_partition, &group.end_partition, &group.rows_in,
                                &group.rows, &group.position, &group.size}) {
    *number = fields.Number();
  }
  group.checksum = fields.Fixed<std::uint64_t>();
  group.layout = fields.Bytes();
  group.aggregates = fields.Bytes();
  return fields.at_end() ? std::optional(group) : std::nullopt;
}

KeptGroups::KeptGroups(const std::string& cleansed_path,
                       const std::vector<std::string_view>& encoded) {
  // What is no file (outputs may be pipes) holds nothing, and opening it could wait for ever.
  std::error_code error;
  if (!std::filesystem::is_regular_file(cleansed_path, error)) return;
  auto file = OpenFile(cleansed_path, O_RDONLY);
  if (!file) return;
  file_ = std::move(*file);
  for (const std::string_view bytes : encoded) {
    const std::optional<KeptGroup> group = KeptGroup::Decode(bytes);
    if (group) groups_.push_back(*group);
  }
}

std::optional<std::string> KeptGroups::ReadChunk(const KeptGroup& group) const {
  std::string bytes(group.size, '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(group.position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  if (XXH3_64bits(bytes.data(), bytes.size()) != group.checksum) return std::nullopt;
  return bytes;
}

}  // namespace tocsin
