#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "log_backends/embedded_log.h"
#include "log_backends/log_contract.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

class MemoryHarness final : public LogHarness {
 public:
  Log& log() override { return *log_; }

 private:
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock);
};

class EmbeddedHarness final : public LogHarness {
 public:
  EmbeddedHarness() {
    std::string name = std::filesystem::temp_directory_path() / "tocsin_contract_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    options_.directory = name;
    options_.disk_reserve_bytes = 0;
    Reopen();
  }
  ~EmbeddedHarness() override {
    log_.reset();
    std::filesystem::remove_all(options_.directory);
  }
  Log& log() override { return *log_; }
  void Reopen() override {
    log_.reset();
    auto opened = EmbeddedLog::Open(options_, clock);
    if (!opened) throw std::runtime_error(opened.error().message());
    log_ = std::move(*opened);
  }

 private:
  EmbeddedLogOptions options_;
  std::unique_ptr<EmbeddedLog> log_;
};

}  // namespace

std::vector<ContractBackend> ContractBackends() {
  return {{"Memory", [] { return std::make_unique<MemoryHarness>(); }},
          {"Embedded", [] { return std::make_unique<EmbeddedHarness>(); }}};
}

}  // namespace tocsin
