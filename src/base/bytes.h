#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

// Integers as bytes, for everything we write to disk or to a socket.
// Fixed-width numbers are little-endian, except in keys, where big-endian sorts by value.
namespace tocsin {

static_assert(std::endian::native == std::endian::little, "the codecs assume a little-endian CPU");

template <class T>
void PutFixed(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class T>
T GetFixed(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

inline void PutBigEndian64(std::string& out, std::uint64_t value) {
  PutFixed(out, __builtin_bswap64(value));
}
inline std::uint64_t GetBigEndian64(const char* at) {
  return __builtin_bswap64(GetFixed<std::uint64_t>(at));
}
inline void PutBigEndian32(std::string& out, std::uint32_t value) {
  PutFixed(out, __builtin_bswap32(value));
}
inline std::uint32_t GetBigEndian32(const char* at) {
  return __builtin_bswap32(GetFixed<std::uint32_t>(at));
}

// LEB128, at most 10 bytes. Writes to `at` and returns the end.
inline char* WriteVarint(char* at, std::uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}
inline void PutVarint(std::string& out, std::uint64_t value) {
  char buffer[10];
  out.append(buffer, static_cast<std::size_t>(WriteVarint(buffer, value) - buffer));
}

// Reads a varint from [at, end) into `value`; returns the position after it, or nullptr when the
// bytes end too soon or the number does not fit in 64 bits.
inline const char* ReadVarint(const char* at, const char* end, std::uint64_t& value) {
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    if (shift == 63 && byte > 1) return nullptr;
    result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = result;
      return at;
    }
  }
  return nullptr;
}

// Signed numbers of small amount as small unsigned ones: 0, -1, 1, -2 … become 0, 1, 2, 3 …
inline std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// A length-prefixed byte string: varint length, then the bytes.
inline void PutBytes(std::string& out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out.append(bytes);
}
inline const char* ReadBytes(const char* at, const char* end, std::string_view& bytes) {
  std::uint64_t size = 0;
  at = ReadVarint(at, end, size);
  if (at == nullptr || size > static_cast<std::uint64_t>(end - at)) return nullptr;
  bytes = std::string_view(at, static_cast<std::size_t>(size));
  return at + size;
}

}  // namespace tocsin
