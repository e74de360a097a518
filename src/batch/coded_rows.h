#pragma once

#include <utility>

#include "batch/row_partitioner.h"
#include "batch/shared_dictionary.h"

namespace tocsin {

// Rows with the dictionaries of their codes.
struct CodedRows {
  explicit CodedRows(RowPartitioner::Options options) : partitioner(std::move(options), devices) {}
  CodedRows(const CodedRows&) = delete;
  CodedRows& operator=(const CodedRows&) = delete;

  SharedDictionary devices;
  SharedDictionary statuses;
  RowPartitioner partitioner;
};

}  // namespace tocsin
