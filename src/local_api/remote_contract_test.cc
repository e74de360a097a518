#include <stdlib.h>

#include <cstdio>
#include <filesystem>

#include "local_api/local_server.h"
#include "local_api/remote_log.h"
#include "log_backends/log_contract.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

std::string MakeDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "tocsin-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) std::perror("mkdtemp");
  return path;
}

// A log in memory, served by one thread of this process and used through the socket by another.
class RemoteHarness final : public LogHarness {
 public:
  RemoteHarness() { Open(); }
  ~RemoteHarness() override {
    remote_.reset();
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  Log& log() override { return *remote_; }

  // A new server and a new client of the same log.
  void Reopen() override {
    remote_.reset();
    server_.reset();
    Open();
  }

 private:
  void Open() {
    const std::string path = SocketPathFor(directory_);
    server_ = LocalServer::Start(path, *memory_, [] { return std::string("{}"); }).value();
    remote_ = RemoteLog::Connect(path).value();
  }

  const std::string directory_ = MakeDirectory();
  std::unique_ptr<MemoryLog> memory_ = MemoryLog::Make(clock);
  std::unique_ptr<LocalServer> server_;
  std::unique_ptr<Log> remote_;
};

}  // namespace

std::vector<ContractBackend> ContractBackends() {
  return {{"Remote", [] { return std::make_unique<RemoteHarness>(); }}};
}

}  // namespace tocsin
