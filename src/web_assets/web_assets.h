#pragma once

#include <cstdint>
#include <span>
#include <string_view>

// The page's files, inside the program.
namespace tocsin {

// One file. Views are valid for the whole run.
struct StaticAsset {
  std::string_view path;          // as requested: "/", "/app.3f2a91c0.js"
  std::string_view content_type;  // with its charset
  std::string_view etag;          // with its quotation marks
  // The content. An encoding that is empty is not there; `identity` always is.
  std::span<const std::uint8_t> identity;
  std::span<const std::uint8_t> gzip;
  std::span<const std::uint8_t> brotli;
  bool immutable = false;  // the path changes when the content does
};

// All of them, in any order; none in a build without the page.
std::span<const StaticAsset> StaticAssets();
// The asset at `path`, or nullptr.
const StaticAsset* FindStaticAsset(std::string_view path);

}  // namespace tocsin
