#include "app/build_info.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "app/build_config.h"
#include "base/json_text.h"

namespace tocsin {
namespace {

#ifdef __clang__
constexpr std::string_view kCompiler = "clang++ " __clang_version__;
#else
constexpr std::string_view kCompiler = "g++ " __VERSION__;
#endif

#ifdef __AVX2__
constexpr std::string_view kInstructions = "x86-64-v3";
#else
constexpr std::string_view kInstructions = "baseline instructions";
#endif

std::vector<std::string_view> Features() {
  std::vector<std::string_view> features = {"embedded log", "batch", "alert log", "local socket"};
#ifdef TOCSIN_TEST_SWITCHES
  features.push_back("test switches");
#endif
#if defined(__SANITIZE_ADDRESS__)
  features.push_back("address sanitizer");
#endif
#if defined(__SANITIZE_THREAD__)
  features.push_back("thread sanitizer");
#endif
  return features;
}

// Calls `visit` for "name version" pairs of TOCSIN_LIBRARIES: "name=version;name=version".
template <class Visit>
void ForEachLibrary(const Visit& visit) {
  std::string_view left = TOCSIN_LIBRARIES;
  while (!left.empty()) {
    const std::string_view item = left.substr(0, left.find(';'));
    left.remove_prefix(std::min(left.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    if (equals != std::string_view::npos) visit(item.substr(0, equals), item.substr(equals + 1));
  }
}

}  // namespace

std::string VersionText() {
  return TOCSIN_VERSION;
}

std::string BuildFlagsText() {
  return std::string(TOCSIN_BUILD_TYPE) + ", " + std::string(kCompiler) + ", " +
         std::string(kInstructions);
}

std::string BuildInfoJson() {
  std::string json = "{\"version\":";
  AppendJsonString(json, TOCSIN_VERSION);
  json += ",\"compiler\":";
  AppendJsonString(json, kCompiler);
  json += ",\"build_type\":";
  AppendJsonString(json, TOCSIN_BUILD_TYPE);
  json += ",\"flags\":";
  AppendJsonString(json, TOCSIN_BUILD_FLAGS);
  json += ",\"features\":[";
  for (const std::string_view feature : Features()) {
    if (json.back() == '"') json += ',';
    AppendJsonString(json, feature);
  }
  json += "],\"libraries\":{";
  ForEachLibrary([&](std::string_view name, std::string_view version) {
    if (json.back() == '"') json += ',';
    AppendJsonString(json, name);
    json += ':';
    AppendJsonString(json, version);
  });
  return json + "}}";
}

std::string BuildInfoText() {
  std::string text = "tocsin " + VersionText() + "\n  build      " + BuildFlagsText() +
                     "\n  flags      " + TOCSIN_BUILD_FLAGS + "\n  features   ";
  bool first = true;
  for (const std::string_view feature : Features()) {
    if (!first) text += ", ";
    first = false;
    text += feature;
  }
  text += "\n  libraries  ";
  first = true;
  ForEachLibrary([&](std::string_view name, std::string_view version) {
    if (!first) text += ", ";
    first = false;
    text += std::string(name) + " " + std::string(version);
  });
  return text + "\n";
}

}  // namespace tocsin
