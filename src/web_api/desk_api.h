#pragma once

#include <string>
#include <string_view>

#include "server/http_message.h"
#include "web_api/web_service.h"

namespace tocsin {

// Deliveries, channels, silences, acknowledgements and the replay of dead letters: what the desk of
// the delivery and the command line do, over HTTP. Threads: any.
class DeskApi {
 public:
  explicit DeskApi(const WebParts& parts) : parts_(parts) {}
  ServerResponse Answer(const ServerRequest& request);

 private:
  Result<std::string> Ask(std::string_view name, const std::string& argument);
  // `{"enabled":…,"name":[…]}`; without channels the list is empty.
  ServerResponse List(std::string_view member, std::string_view name, const std::string& argument);
  ServerResponse Deliveries(const ServerRequest& request);
  ServerResponse Delivery(const ServerRequest& request);
  ServerResponse Silences();
  ServerResponse Replay(const ServerRequest& request);
  ServerResponse AddSilence(const ServerRequest& request, bool acknowledge);
  // A request whose body names one thing.
  ServerResponse Change(const ServerRequest& request, std::string_view member,
                        std::string_view name);

  const WebParts& parts_;
};

}  // namespace tocsin
