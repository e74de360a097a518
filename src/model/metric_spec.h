#pragma once

#include <string>
#include <vector>

namespace tocsin {

// One declared metric: a field of the event that is checked, stored in a column and usable in
// rules. Fields that are not declared pass through untouched.
struct MetricSpec {
  std::string name;       // [a-z_][a-z0-9_]*, and no field name of the alert record
  std::string unit = "";  // for people; "°C"
  double min = 0;         // valid range, both ends included, in `unit`
  double max = 0;
  bool required = true;
  bool is_bool = false;  // JSON true/false instead of a number, stored as 1/0
};

// Temperature (°C, -50 to 120) and humidity (%, 0 to 100), both required.
std::vector<MetricSpec> DefaultMetrics();

}  // namespace tocsin
