#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "batch/chunk_parser.h"
#include "batch/coded_rows.h"
#include "batch/text_rows.h"

namespace tocsin {

// Where the rows of parsed chunks are collected: as coded rows, and from the moment on at which the
// dictionaries would grow beyond their share of the memory, as rows with texts. Which of them makes
// no difference to the rows.
//
// Threads: Prepare() from any, else none but the owner's.
class RowIntake {
 public:
  struct Options {
    RowPartitioner::Options rows;
    std::size_t dictionary_bytes = 0;  // 0 = they may grow
    std::size_t text_bytes = 0;        // memory of rows with texts
  };
  explicit RowIntake(Options options);

  // Divides the rows of a chunk, whose codes are those of `local`.
  void Prepare(ParsedChunk& chunk, LocalDictionaries& local);
  // Appends the rows of a prepared chunk. `bytes_done` of `bytes_all` bytes of the input were read
  // so far; `bytes_all` 0 = not known. kDiskError.
  Status Append(const ParsedChunk& chunk, std::uint64_t bytes_done, std::uint64_t bytes_all);

  // All rows, when the dictionaries may grow: else they can have become rows with texts.
  CodedRows& coded() { return *coded_; }

  // Calls `use` with all rows, part after part in the order of their ids. What `use` gets is gone
  // after the call. Takes no more rows.
  Status ForEachPart(const TextRows::UsePart& use);

 private:
  static void DivideByCode(ParsedChunk& chunk, LocalDictionaries& local,
                           std::shared_ptr<const RowDivision> division);
  Status BeginTexts();
  Status AppendAsTexts(const RowColumns& rows);

  const Options options_;
  std::unique_ptr<CodedRows> coded_;
  std::unique_ptr<TextRows> text_rows_;
  std::atomic<const TextRows*> preparing_for_{nullptr};
  // Working memory of AppendAsTexts().
  TextSegments texts_;
  std::vector<std::uint32_t> partition_of_device_;  // by code
  std::vector<std::uint32_t> partition_of_row_;
};

}  // namespace tocsin
