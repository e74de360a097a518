#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct sockaddr;

namespace tocsin {

// An IPv4 or IPv6 address, or the first bits of one.
struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 in the first four

  bool operator==(const IpAddress&) const = default;
  std::string ToText() const;
  static std::optional<IpAddress> Parse(std::string_view text);
  // Nothing for a family other than IPv4 and IPv6.
  static std::optional<IpAddress> From(const sockaddr* address);
};

struct IpNetwork {
  IpAddress address;
  unsigned prefix_bits = 0;

  // `10.0.0.0/8`, `fd00::/8`, or one address. Bits beyond the prefix are ignored.
  static std::optional<IpNetwork> Parse(std::string_view text);
  bool Contains(const IpAddress& other) const;
};

// Which addresses may be connected to: all public ones, and those within `allowed_networks`.
//
// Not public (IANA's special-purpose registries): loopback, RFC 1918, link-local with the metadata
// address of clouds, shared (CGNAT), unique local, multicast, broadcast, "this network",
// documentation and benchmark ranges, and every IPv6 form that carries an IPv4 address (mapped,
// NAT64, 6to4, Teredo), which would lead around the check.
class AddressPolicy {
 public:
  // kInvalidArgument naming the text that is no network.
  static Result<AddressPolicy> Make(const std::vector<std::string>& allowed_networks);
  bool Allows(const IpAddress& address) const;

 private:
  std::vector<IpNetwork> allowed_;
};

bool IsPublicAddress(const IpAddress& address);

// True for 127.0.0.0/8, ::1 and "localhost", as texts.
bool IsLoopback(std::string_view host);

}  // namespace tocsin
