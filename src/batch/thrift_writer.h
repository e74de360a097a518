#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace tocsin {

// Writes structures in the compact protocol of Apache Thrift, in which Parquet keeps its metadata
// (thrift/doc/specs/thrift-compact-protocol.md). Fields of a structure are given in ascending order
// of their ids. Threads: none but the owner's.
class ThriftWriter {
 public:
  enum class Type : std::uint8_t {
    kTrue = 1,
    kFalse = 2,
    kI16 = 4,
    kI32 = 5,
    kI64 = 6,
    kBinary = 8,
    kList = 9,
    kStruct = 12,
  };

  explicit ThriftWriter(std::string& out) : out_(out) {}

  void I16(int id, std::int64_t value) { Integer(id, Type::kI16, value); }
  void I32(int id, std::int64_t value) { Integer(id, Type::kI32, value); }
  void I64(int id, std::int64_t value) { Integer(id, Type::kI64, value); }
  void Bool(int id, bool value) { Header(id, value ? Type::kTrue : Type::kFalse); }
  void Binary(int id, std::string_view value) {
    Header(id, Type::kBinary);
    PutBytes(out_, value);
  }

  // A structure as a field: its fields, then End().
  void BeginStruct(int id) {
    Header(id, Type::kStruct);
    BeginElement();
  }
  // A structure as an element of a list, or the outermost one.
  void BeginElement() {
    outer_.push_back(last_id_);
    last_id_ = 0;
  }
  void End() {
    out_ += '\0';
    last_id_ = outer_.back();
    outer_.pop_back();
  }

  // `size` elements follow: structures by BeginElement(), others by the functions below.
  void BeginList(int id, Type element, std::size_t size) {
    Header(id, Type::kList);
    const auto type = static_cast<unsigned>(element == Type::kFalse ? Type::kTrue : element);
    if (size < 15) {
      out_ += static_cast<char>(size << 4 | type);
    } else {
      out_ += static_cast<char>(0xF0U | type);
      PutVarint(out_, size);
    }
  }
  void IntegerElement(std::int64_t value) { PutVarint(out_, ZigZag(value)); }
  void BinaryElement(std::string_view value) { PutBytes(out_, value); }
  void BoolElement(bool value) { out_ += static_cast<char>(value ? Type::kTrue : Type::kFalse); }

 private:
  void Integer(int id, Type type, std::int64_t value) {
    Header(id, type);
    PutVarint(out_, ZigZag(value));
  }
  void Header(int id, Type type) {
    const int step = id - last_id_;
    last_id_ = id;
    if (step > 0 && step < 16) {
      out_ += static_cast<char>(static_cast<unsigned>(step) << 4 | static_cast<unsigned>(type));
    } else {
      out_ += static_cast<char>(type);
      PutVarint(out_, ZigZag(id));
    }
  }

  std::string& out_;
  int last_id_ = 0;
  std::vector<int> outer_;
};

}  // namespace tocsin
