#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace tocsin {

// The place of one process on this machine: a folder "<directory>/<role>-<n>" that it holds while
// it lives, with a name that stays. A process that starts again takes the lowest free number, so
// after a crash it is on the cluster who it was before. Free places where something was left undone
// come first.
class InstanceSlot {
 public:
  // Makes the folder when missing. `undone` names what in a place says that work was left there; ""
  // = nothing does. kDiskError when that fails; kResourceExhausted when a thousand
  // processes of this role run here.
  static Result<InstanceSlot> Take(const std::string& directory, std::string_view role,
                                   std::string_view undone = {});

  const std::string& directory() const { return directory_; }
  // "<role>-<n>-<random>", made with the folder.
  const std::string& id() const { return id_; }

 private:
  // Nothing while another process has the place.
  static Result<std::optional<InstanceSlot>> TakeOne(const std::string& directory,
                                                     std::string_view role, int number);

  std::string directory_;
  std::string id_;
  FileDescriptor lock_;  // released by the kernel when the process dies
};

}  // namespace tocsin
