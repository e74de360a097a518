#pragma once

#include <string>
#include <string_view>

#include "batch/table.h"
#include "model/device_dictionary.h"

namespace tocsin {

// Rows of the aggregates table as bytes, compressed: devices as codes of `devices`, which has them
// all, times and counts as differences. Empty when there is no memory to compress in.
std::string PackAggregates(const TableChunk& chunk, const DeviceDictionary& devices);

// The other way round, replacing the content of `chunk`, whose texts then point into `devices`;
// `schema` is that of the rows. False for other bytes: then the chunk is of no use.
bool UnpackAggregates(std::string_view packed, const TableSchema& schema,
                      const DeviceDictionary& devices, TableChunk& chunk);

}  // namespace tocsin
