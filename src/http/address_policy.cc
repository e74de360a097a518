#include "http/address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tocsin {
namespace {

constexpr const char* kNotPublic[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "2001::/23",     "2001:db8::/32",   "2002::/16",      "3fff::/20",
};
// Global unicast; every other IPv6 range is special.
constexpr const char* kPublicV6 = "2000::/3";

const std::vector<IpNetwork>& NotPublic() {
  static const std::vector<IpNetwork> networks = [] {
    std::vector<IpNetwork> made;
    for (const char* text : kNotPublic) made.push_back(*IpNetwork::Parse(text));
    return made;
  }();
  return networks;
}

}  // namespace

std::string IpAddress::ToText() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof(text));
  return text;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::From(const sockaddr* address) {
  IpAddress result;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof(v4));
    std::memcpy(result.bytes.data(), &v4.sin_addr, 4);
    return result;
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6;
  std::memcpy(&v6, address, sizeof(v6));
  std::memcpy(result.bytes.data(), &v6.sin6_addr, 16);
  result.v6 = true;
  return result;
}

std::optional<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpNetwork network{*address, address->v6 ? 128u : 32u};
  if (slash == std::string_view::npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), bits);
  if (error != std::errc() || end != digits.end() || bits > network.prefix_bits) {
    return std::nullopt;
  }
  network.prefix_bits = bits;
  return network;
}

bool IpNetwork::Contains(const IpAddress& other) const {
  if (other.v6 != address.v6) return false;
  const std::size_t whole = prefix_bits / 8;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<long>(whole),
                  other.bytes.begin())) {
    return false;
  }
  const unsigned rest = prefix_bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xffu << (8 - rest);
  return ((address.bytes[whole] ^ other.bytes[whole]) & mask & 0xff) == 0;
}

bool IsPublicAddress(const IpAddress& address) {
  static const IpNetwork public_v6 = *IpNetwork::Parse(kPublicV6);
  if (address.v6 && !public_v6.Contains(address)) return false;
  return std::ranges::none_of(NotPublic(),
                              [&](const IpNetwork& network) { return network.Contains(address); });
}

Result<AddressPolicy> AddressPolicy::Make(const std::vector<std::string>& allowed_networks) {
  AddressPolicy policy;
  for (const std::string& text : allowed_networks) {
    const std::optional<IpNetwork> network = IpNetwork::Parse(text);
    if (!network) {
      return Fail(Code::kInvalidArgument, "allowed network '" + text +
                                              "' is no CIDR block: write it as 10.0.0.0/8 or "
                                              "fd00::/8");
    }
    policy.allowed_.push_back(*network);
  }
  return policy;
}

bool AddressPolicy::Allows(const IpAddress& address) const {
  return IsPublicAddress(address) || std::ranges::any_of(allowed_, [&](const IpNetwork& network) {
           return network.Contains(address);
         });
}

bool IsLoopback(std::string_view host) {
  // An address, and no name that begins like one: 127.0.0.1.example.com is somebody else's.
  const bool number = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "::1" || (number && host.starts_with("127."));
}

}  // namespace tocsin
