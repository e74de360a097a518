#include "local_api/socket_path.h"

#include <sys/socket.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "local_api/local_server.h"

namespace tocsin {
namespace {

const std::string kSocketName = "/tocsin.sock";
constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

// Fowler-Noll-Vo 1a with 64 bits.
std::uint64_t Fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

Result<sockaddr_un> SocketAddress(const std::string& path) {
  if (path.empty() || path.size() > kMaxSocketPath) {
    return Fail(Code::kInvalidArgument, "socket path " + path + " has " +
                                            std::to_string(path.size()) + " bytes; at most " +
                                            std::to_string(kMaxSocketPath) + " are possible");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::string SocketPathFor(const std::string& data_dir) {
  // Judged by the absolute path without links, so that every way to name the directory leads to
  // one socket.
  std::error_code error;
  std::string absolute = std::filesystem::weakly_canonical(data_dir, error).string();
  if (error) absolute = data_dir;
  const std::string given = data_dir + kSocketName;
  if (absolute.size() + kSocketName.size() <= kMaxSocketPath) {
    return given.size() <= kMaxSocketPath ? given : absolute + kSocketName;
  }
  const char* run_time = std::getenv("XDG_RUNTIME_DIR");
  const std::string directory = run_time != nullptr && *run_time != '\0' ? run_time : "/tmp";
  char name[40];
  std::snprintf(name, sizeof name, "/tocsin-%016llx.sock",
                static_cast<unsigned long long>(Fnv1a(absolute)));
  return directory + name;
}

}  // namespace tocsin
