#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "batch/partition_order.h"
#include "batch/row_columns.h"
#include "batch/row_format.h"
#include "model/device_dictionary.h"

namespace tocsin {

// Rows in compact form that need no dictionary to be read: the codes of a segment are its own, 0,
// 1, 2 …, and the text of a code stands behind the field in which it is first met. An id that comes
// once in a segment costs its bytes and about six more.
//
// Keeps its memory from build to build. Threads: none but the owner's.
class TextSegments {
 public:
  // As RowSegments::Build(); `devices` and `statuses` have the codes of the rows.
  void Build(const RowColumns& rows, const DeviceDictionary& devices,
             const DeviceDictionary& statuses, std::span<const std::uint32_t> partition,
             std::size_t partitions);

  const std::vector<RowSegment>& segments() const { return segments_; }
  const char* bytes() const { return bytes_.get(); }
  std::uint64_t rows() const { return order_.size(); }

  // Replaces the content of `rows` by the `count` rows of the segments that stand one behind the
  // other in `bytes`, which kFieldSlack readable bytes follow; in codes of the dictionaries, which
  // get the texts that they do not have.
  static void Read(std::string_view bytes, std::uint32_t count, RowColumns& rows,
                   DeviceDictionary& devices, DeviceDictionary& statuses);

 private:
  // The codes of a segment for those of a dictionary.
  class OwnCodes {
   public:
    void Begin(std::size_t dictionary_size) {
      places_.resize(std::max(places_.size(), dictionary_size));
      ++segment_;
      size_ = 0;
    }
    // The own code of `code`, which is size() before the call when it is new.
    std::uint32_t Of(std::uint32_t code) {
      Place& place = places_[code];
      if (place.segment != segment_) place = {segment_, size_++};
      return place.own;
    }
    std::uint32_t size() const { return size_; }

   private:
    struct Place {
      std::uint64_t segment = 0;  // in which `own` is valid
      std::uint32_t own = 0;
    };
    std::vector<Place> places_;  // by code
    std::uint64_t segment_ = 0;
    std::uint32_t size_ = 0;
  };

  struct FieldsToWrite;

  PartitionOrder order_;
  std::vector<RowSegment> segments_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  OwnCodes own_devices_;
  OwnCodes own_statuses_;
};

}  // namespace tocsin
