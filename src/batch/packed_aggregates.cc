#include "batch/packed_aggregates.h"

#include <zstd.h>

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/field_reader.h"

namespace tocsin {
namespace {

constexpr int kZstdLevel = 1;

// Without overflow: the same going there and back.
std::int64_t Sum(std::int64_t value, std::uint64_t difference) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + difference);
}

bool ReadDevices(FieldReader& reader, const DeviceDictionary& devices, std::size_t rows,
                 Column& column) {
  const std::uint64_t count = reader.Number();
  for (std::uint64_t i = 0; i < count && reader.good(); ++i) {
    const std::uint64_t code = reader.Number();
    const std::uint64_t of_device = reader.Number();
    if (code >= devices.size() || of_device > rows - column.codes.size()) return false;
    column.codes.insert(column.codes.end(), of_device, static_cast<std::uint32_t>(i));
    column.dictionary.push_back(devices.Decode(static_cast<std::uint32_t>(code)));
  }
  return column.codes.size() == rows;
}

}  // namespace

std::string PackAggregates(const TableChunk& chunk, const DeviceDictionary& devices) {
  std::string out;
  PutVarint(out, chunk.rows);
  // The rows of a device stand together, and the devices in the order of the dictionary.
  const Column& ids = chunk.columns[0];
  PutVarint(out, ids.dictionary.size());
  std::size_t row = 0;
  for (std::uint32_t local = 0; local < ids.dictionary.size(); ++local) {
    const std::size_t begin = row;
    while (row < chunk.rows && ids.codes[row] == local) ++row;
    PutVarint(out, devices.Find(ids.dictionary[local]));
    PutVarint(out, row - begin);
  }
  for (std::size_t c = 1; c < chunk.columns.size(); ++c) {
    std::int64_t last = 0;
    for (const std::int64_t value : chunk.columns[c].ints) {
      PutVarint(out, ZigZag(Sum(value, -static_cast<std::uint64_t>(last))));
      last = value;
    }
    for (const double value : chunk.columns[c].doubles) PutFixed(out, value);
  }
  std::string packed;
  PutVarint(packed, out.size());
  const std::size_t head = packed.size();
  packed.resize(head + ZSTD_compressBound(out.size()));
  const std::size_t size =
      ZSTD_compress(packed.data() + head, packed.size() - head, out.data(), out.size(), kZstdLevel);
  packed.resize(ZSTD_isError(size) != 0 ? 0 : head + size);
  return packed;
}

bool UnpackAggregates(std::string_view packed, const TableSchema& schema,
                      const DeviceDictionary& devices, TableChunk& chunk) {
  chunk.Clear();
  std::uint64_t size = 0;
  const char* const frame = ReadVarint(packed.data(), packed.data() + packed.size(), size);
  if (frame == nullptr) return false;
  const auto frame_size = static_cast<std::size_t>(packed.data() + packed.size() - frame);
  if (ZSTD_getFrameContentSize(frame, frame_size) != size) return false;
  std::string bytes(size, '\0');
  if (ZSTD_decompress(bytes.data(), bytes.size(), frame, frame_size) != size) return false;
  FieldReader reader(bytes);
  chunk.rows = reader.Number();
  if (chunk.rows > size) return false;  // a row has more than a byte
  if (!ReadDevices(reader, devices, chunk.rows, chunk.columns[0])) return false;
  for (std::size_t c = 1; c < schema.size(); ++c) {
    Column& column = chunk.columns[c];
    std::int64_t last = 0;
    for (std::size_t row = 0; row < chunk.rows; ++row) {
      if (schema[c].kind == ColumnKind::kDouble) {
        column.doubles.push_back(reader.Fixed<double>());
      } else {
        last = Sum(last, static_cast<std::uint64_t>(UnZigZag(reader.Number())));
        column.ints.push_back(last);
      }
    }
  }
  return reader.at_end();
}

}  // namespace tocsin
