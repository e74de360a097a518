#include "kafka_log/group_description.h"

#include <algorithm>
#include <tuple>

namespace tocsin {
namespace {

// Big-endian numbers and texts from the front of `bytes`; behind the end numbers are 0, texts
// empty.
class AssignmentReader {
 public:
  explicit AssignmentReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::int32_t Int(std::size_t width) {
    if (bytes_.size() < width) {
      short_ = true;
      return 0;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value << 8 | bytes_[i];
    bytes_ = bytes_.subspan(width);
    return width == 2 ? static_cast<std::int16_t>(value) : static_cast<std::int32_t>(value);
  }
  std::string Text() {
    const std::int32_t size = Int(2);
    if (size < 0 || bytes_.size() < static_cast<std::size_t>(size)) {
      short_ = true;
      return {};
    }
    const auto text = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(text.size());
    return {text.begin(), text.end()};
  }
  bool good() const { return !short_; }

 private:
  std::span<const std::uint8_t> bytes_;
  bool short_ = false;
};

}  // namespace

std::vector<std::int32_t> GroupDescription::Unheld(std::string_view topic,
                                                   std::int32_t count) const {
  std::vector<bool> held(static_cast<std::size_t>(count));
  for (const Member& member : members) {
    for (const TopicPartition& each : member.partitions) {
      if (each.topic == topic && each.partition >= 0 && each.partition < count) {
        held[static_cast<std::size_t>(each.partition)] = true;
      }
    }
  }
  std::vector<std::int32_t> unheld;
  for (std::int32_t i = 0; i < count; ++i) {
    if (!held[static_cast<std::size_t>(i)]) unheld.push_back(i);
  }
  return unheld;
}

const GroupDescription::Member* GroupDescription::Lightest() const {
  const auto found = std::ranges::min_element(members, {}, [](const Member& member) {
    return std::make_tuple(member.partitions.size(), std::string_view(member.id));
  });
  return found == members.end() ? nullptr : &*found;
}

Result<std::vector<TopicPartition>> ParseMemberAssignment(std::span<const std::uint8_t> bytes) {
  std::vector<TopicPartition> partitions;
  if (bytes.empty()) return partitions;  // of a member that was given nothing yet
  AssignmentReader reader(bytes);
  reader.Int(2);  // version: later ones only add behind what is read here
  for (std::int32_t topics = reader.Int(4); topics > 0 && reader.good(); --topics) {
    const std::string topic = reader.Text();
    for (std::int32_t count = reader.Int(4); count > 0 && reader.good(); --count) {
      partitions.push_back({topic, reader.Int(4)});
    }
  }
  if (!reader.good()) return Fail(Code::kDataLoss, "an assignment of partitions ends too early");
  return partitions;
}

}  // namespace tocsin
