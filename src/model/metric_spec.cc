#include "model/metric_spec.h"

namespace tocsin {

std::vector<MetricSpec> DefaultMetrics() {
  return {{.name = "temperature", .unit = "°C", .min = -50, .max = 120},
          {.name = "humidity", .unit = "%", .min = 0, .max = 100}};
}

}  // namespace tocsin
