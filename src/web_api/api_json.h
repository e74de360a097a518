#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "history/history.h"
#include "live_view/live_view.h"
#include "model/metric_spec.h"
#include "web_api/web_backend.h"

// The objects of docs/specs/openapi.yaml as text. Each function appends one whole JSON value.
namespace tocsin {

// `,"name":` or `"name":` behind an opening brace.
void AppendName(std::string& out, std::string_view name);
void AppendMember(std::string& out, std::string_view name, std::string_view text);
void AppendMember(std::string& out, std::string_view name, std::int64_t number);
void AppendMember(std::string& out, std::string_view name, std::uint64_t number);
void AppendMember(std::string& out, std::string_view name, double number);  // NaN = null
void AppendMember(std::string& out, std::string_view name, bool value);
void AppendNull(std::string& out, std::string_view name);

void AppendDevice(std::string& out, const DeviceView& device);
void AppendDevices(std::string& out, std::span<const DeviceView> devices);  // an array

// What the delivery knows of an alert.
struct AlertMutes {
  std::string silenced_by;
  bool inhibited = false;
  bool muted = false;
};
void AppendAlert(std::string& out, const AlertMessage& alert, const AlertMutes& mutes);

void AppendSummary(std::string& out, const LiveFigures& figures, std::int64_t now_us);

struct PipelineFacts {
  std::int64_t now_us = 0;
  std::int64_t started_us = 0;
  std::size_t live_clients = 0;
  std::optional<WebBackend::Totals> totals;
};
void AppendPipeline(std::string& out, const LiveFigures& figures, const PipelineFacts& facts);

void AppendHourlyRow(std::string& out, const HourlyRow& row, std::span<const MetricSpec> metrics);

// {"metric":…,"minute_ms":…,"avg":…} of the open minute of every metric that has one, an array.
void AppendOpenMinutes(std::string& out, LiveView& live, std::span<const MetricSpec> metrics);

}  // namespace tocsin
