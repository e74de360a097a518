#include <algorithm>

#include "web_assets/web_assets.h"

namespace tocsin {

const StaticAsset* FindStaticAsset(std::string_view path) {
  const std::span<const StaticAsset> assets = StaticAssets();
  const auto found = std::ranges::find(assets, path, &StaticAsset::path);
  return found == assets.end() ? nullptr : &*found;
}

}  // namespace tocsin
