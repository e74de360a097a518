#include "stage/stage.h"

namespace tocsin {

Result<Stage::TickResult> Stage::Tick(const Now&, Collector&) {
  return TickResult{};
}

Result<bool> Stage::Finish(Collector&) {
  return false;
}

}  // namespace tocsin
