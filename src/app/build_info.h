#pragma once

#include <string>

// What this program was built from. The values come from the build (CMakeLists.txt).
namespace tocsin {

std::string VersionText();     // "0.1.0"
std::string BuildFlagsText();  // "Release, g++ 12.2.0, x86-64-v3"
// {"version","compiler","build_type","flags","features":[…],"libraries":{name: version}}
std::string BuildInfoJson();
std::string BuildInfoText();

}  // namespace tocsin
