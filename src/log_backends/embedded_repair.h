#pragma once

#include <string>
#include <vector>

#include "log_backends/embedded_catalog.h"
#include "log_backends/partition_walk.h"
#include "log_backends/rocks_store.h"

namespace tocsin {

// "iot.raw/0 offsets 120 to 239".
std::string Describe(const LostRange& range);

// Compares the store with its catalog as far as a fast open allows (docs/formats/embedded_log.md).
// kDataLoss naming the lost offsets.
Status CheckSound(const RocksStore& store, const EmbeddedCatalog& catalog,
                  const std::string& directory);

// `cause` refused the open: kDataLoss that names also what offsets are lost, found by reading on
// behind the damage.
Error ExplainDamage(const EmbeddedLogOptions& options, const Error& cause);

// Makes a store that was opened with StoreMode::kRepair agree with itself again.
Result<std::vector<LostRange>> RepairStore(RocksStore& store);

}  // namespace tocsin
