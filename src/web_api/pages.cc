#include "web_api/pages.h"

#include "web_assets/web_assets.h"

namespace tocsin {
namespace {

constexpr std::string_view kNoPage =
    "Tocsin is running; this build has no page inside.\n\n"
    "Build it with Node 18 or newer and npm installed, and the page comes with it.\n"
    "The API answers: /api/v1/summary, /api/v1/devices, /api/v1/live, /metrics;\n"
    "docs/specs/openapi.yaml describes it.\n";

const StaticAsset* AssetFor(std::string_view path) {
  if (const StaticAsset* asset = FindStaticAsset(path)) return asset;
  // The page's own routes survive a reload; a file that is missing does not become the page.
  if (path.find('.') != std::string_view::npos || path.starts_with("/api")) return nullptr;
  return FindStaticAsset("/");
}

}  // namespace

ServerResponse ServePage(const ServerRequest& request) {
  const StaticAsset* asset = AssetFor(request.path);
  ServerResponse response;
  if (asset == nullptr) {
    if (request.path != "/") return Problem(404, "there is nothing at this path");
    response.content_type = "text/plain; charset=utf-8";
    response.body = kNoPage;
    return response;
  }
  response.content_type = asset->content_type;
  response.headers.emplace_back("etag", asset->etag);
  response.headers.emplace_back("vary", "accept-encoding");
  response.headers.emplace_back(
      "cache-control", asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (request.Header("if-none-match").find(asset->etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  response.constant = asset->identity;
  if (!asset->brotli.empty() && TakesCoding(request, "br")) {
    response.constant = asset->brotli;
    response.headers.emplace_back("content-encoding", "br");
  } else if (!asset->gzip.empty() && TakesCoding(request, "gzip")) {
    response.constant = asset->gzip;
    response.headers.emplace_back("content-encoding", "gzip");
  }
  return response;
}

}  // namespace tocsin
