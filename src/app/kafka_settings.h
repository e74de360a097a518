#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "kafka_log/kafka_options.h"

namespace tocsin {

// The cluster's part of the settings; reads the files that hold secrets. Without the place of this
// process. kConfiguration naming the setting that is missing or the file that cannot be read.
Result<KafkaOptions> KafkaOptionsFor(const Settings& settings);

}  // namespace tocsin
