#pragma once

#include <map>
#include <mutex>
#include <string>

#include "web_api/api_json.h"
#include "web_api/query.h"
#include "web_api/web_service.h"

namespace tocsin {

// Everything of the API that only reads. Threads: any.
class ReadApi {
 public:
  explicit ReadApi(const WebParts& parts);

  Result<std::string> Meta() const;
  std::string Summary();
  Result<std::string> Devices(const ServerRequest& request);
  Result<std::string> Device(const ServerRequest& request);
  Result<std::string> Events(const ServerRequest& request);
  Result<std::string> Series(const ServerRequest& request);
  Result<std::string> Alerts(const ServerRequest& request);
  Result<std::string> Hourly(const ServerRequest& request);
  std::string Pipeline(std::size_t live_clients);
  Result<std::string> DeadLetters(const ServerRequest& request);

  // `data` of the frames of the live stream.
  std::string HelloData();
  std::string TickData(std::size_t live_clients);
  // "" when no device changed.
  std::string DevicesData();
  std::string AlertData(const AlertMessage& alert);

 private:
  PipelineFacts Facts(std::size_t live_clients) const;
  Result<std::size_t> MetricOf(const ServerRequest& request, std::string_view name) const;
  Result<std::string> SampleSeries(const std::string& device, std::size_t metric,
                                   std::int64_t from_us, std::int64_t to_us, std::size_t points);
  Result<std::string> TrendSeries(std::size_t metric, std::int64_t from_us, std::int64_t to_us,
                                  std::size_t points);
  // Of every alert that the delivery holds, as of at most two seconds ago.
  std::map<std::string, AlertMutes> Mutes();
  std::string AlertArray(const std::vector<AlertMessage>& alerts);

  const WebParts& parts_;
  const std::int64_t started_us_;
  std::mutex mutes_mutex_;
  std::int64_t mutes_us_ = 0;
  std::map<std::string, AlertMutes> mutes_;  // by fingerprint
};

}  // namespace tocsin
