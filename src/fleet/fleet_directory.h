#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "expression/diagnostic.h"
#include "rule/rule_set.h"

namespace tocsin {

using DeviceLabels = std::map<std::string, std::string>;

// The devices of FLEET_FILE with their labels (docs/specs/rules.md). Two shapes, by the extension:
//
//   devices:                                            device_id,site,gateway
//     - {id: dev_1, labels: {site: a, gateway: g1}}     dev_1,a,g1
//     - {match: "plant1-.*", labels: {site: plant1}}
//
// A device has the labels of its own entry, else those of the first pattern (RE2, anchored at both
// ends) that matches its id, else none. Immutable; labels found by a pattern are remembered, at
// most a million of them. Thread-safe.
class FleetDirectory : public LabelSource {
 public:
  FleetDirectory();
  ~FleetDirectory() override;

  // All mistakes at once in `diagnostics`; the error (kConfiguration) carries them. kNotFound and
  // the like when the file cannot be read. At most 64 MiB. An empty path: no devices.
  static Result<std::unique_ptr<FleetDirectory>> Open(const std::string& path);
  static Result<std::unique_ptr<FleetDirectory>> Parse(std::string_view text,
                                                       const std::string& path,
                                                       std::vector<Diagnostic>& diagnostics);

  std::string_view Label(std::string_view device_id, std::string_view name) const override;
  // Valid as long as the directory.
  const DeviceLabels& LabelsOf(std::string_view device_id) const;
  // The ids with an entry of their own, in the order of the file.
  const std::vector<std::string>& expected() const;
  bool IsExpected(std::string_view device_id) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tocsin
