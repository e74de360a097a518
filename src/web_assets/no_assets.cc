#include "web_assets/web_assets.h"

// A build without the page.
namespace tocsin {

std::span<const StaticAsset> StaticAssets() {
  return {};
}

}  // namespace tocsin
