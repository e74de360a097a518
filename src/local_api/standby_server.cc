#include "local_api/standby_server.h"

#include <thread>
#include <utility>

#include "base/logging.h"
#include "base/wait.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "local_api";
constexpr std::int64_t kAgainUs = 500'000;

class StandbyServer final : public LocalServer {
 public:
  explicit StandbyServer(std::function<Result<std::unique_ptr<LocalServer>>()> start)
      : waiter_([this, start = std::move(start)](const std::stop_token& stop) {
          while (WaitUs(kAgainUs, stop)) {
            auto server = start();
            if (!server && server.error().code() == Code::kUnavailable) continue;
            if (!server) {
              LogWarning(kComponent, "the requests of other processes are not answered here",
                         {{"reason", server.error().message()}});
              return;
            }
            LogInfo(kComponent, "answers the requests of other processes now", {});
            server_ = std::move(*server);
            return;
          }
        }) {}
  ~StandbyServer() override {
    waiter_.request_stop();
    waiter_.join();
  }

 private:
  std::unique_ptr<LocalServer> server_;  // made by the waiter, ended after it
  std::jthread waiter_;
};

}  // namespace

Result<std::unique_ptr<LocalServer>> StartOrStandBy(const std::string& socket_path, Log& log,
                                                    std::function<std::string()> status,
                                                    LocalServer::Control control) {
  auto start = [=, &log] { return LocalServer::Start(socket_path, log, status, control); };
  auto server = start();
  if (server || server.error().code() != Code::kUnavailable) return server;
  LogInfo(kComponent, "another instance answers the requests of other processes",
          {{"socket", socket_path}});
  return std::make_unique<StandbyServer>(std::move(start));
}

}  // namespace tocsin
