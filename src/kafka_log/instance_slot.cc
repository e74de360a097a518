#include "kafka_log/instance_slot.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cstdio>
#include <filesystem>
#include <random>

namespace tocsin {
namespace {

constexpr int kMostInstances = 1000;

std::string NewName(std::string_view role, int number) {
  std::random_device random;
  char suffix[32];
  std::snprintf(suffix, sizeof suffix, "%08x%08x", random(), random());
  return std::string(role) + "-" + std::to_string(number) + "-" + suffix;
}

}  // namespace

Result<std::optional<InstanceSlot>> InstanceSlot::TakeOne(const std::string& directory,
                                                          std::string_view role, int number) {
  InstanceSlot slot;
  slot.directory_ = directory + "/" + std::string(role) + "-" + std::to_string(number);
  TOCSIN_TRY(MakeDirectories(slot.directory_));
  TOCSIN_ASSIGN(slot.lock_, OpenFile(slot.directory_ + "/lock", O_RDWR | O_CREAT, 0600));
  if (::flock(slot.lock_.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  const std::string path = slot.directory_ + "/instance_id";
  auto known = ReadWholeFile(path);
  if (known && !known->empty()) {
    slot.id_ = std::move(*known);
    return slot;
  }
  slot.id_ = NewName(role, number);
  TOCSIN_TRY(ReplaceFile(path, slot.id_));
  return slot;
}

Result<InstanceSlot> InstanceSlot::Take(const std::string& directory, std::string_view role,
                                        std::string_view undone) {
  const auto place = [&](int number) {
    return directory + "/" + std::string(role) + "-" + std::to_string(number);
  };
  std::error_code error;
  for (int number = 0; !undone.empty() && std::filesystem::exists(place(number), error); ++number) {
    if (!std::filesystem::exists(place(number) + "/" + std::string(undone), error)) continue;
    TOCSIN_ASSIGN(auto slot, TakeOne(directory, role, number));
    if (slot) return std::move(*slot);
  }
  for (int number = 0; number < kMostInstances; ++number) {
    TOCSIN_ASSIGN(auto slot, TakeOne(directory, role, number));
    if (slot) return std::move(*slot);
  }
  return Fail(Code::kResourceExhausted,
              "a thousand processes of role " + std::string(role) + " run in " + directory);
}

}  // namespace tocsin
