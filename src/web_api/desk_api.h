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
  HttpResponse Answer(const HttpRequest& request);

 private:
  Result<std::string> Ask(std::string_view name, const std::string& argument);
  // `{"enabled":…,"name":[…]}`; without channels the list is empty.
  HttpResponse List(std::string_view member, std::string_view name, const std::string& argument);
  HttpResponse Deliveries(const HttpRequest& request);
  HttpResponse Delivery(const HttpRequest& request);
  HttpResponse Silences();
  HttpResponse Replay(const HttpRequest& request);
  HttpResponse AddSilence(const HttpRequest& request, bool acknowledge);
  // A request whose body names one thing.
  HttpResponse Change(const HttpRequest& request, std::string_view member, std::string_view name);

  const WebParts& parts_;
};

}  // namespace tocsin
