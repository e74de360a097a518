#pragma once

#include <string>

#include "config/settings.h"

// The settings as text for people and for other programs.
namespace tocsin {

// All settings, one KEY=value line each in the form of .env, or one JSON object {KEY: value}; with
// `with_origin` each with where it came from ("  # origin", or {"value", "origin"}). Secrets that
// are set show as ***. The declared metrics are the comment lines at the end, or "METRICS".
std::string PrintSettings(const Settings& settings, bool json, bool with_origin);

// A JSON Schema (draft 2020-12) of tocsin.yaml, for editors.
std::string SettingsSchema();
// docs/reference/settings.md.
std::string SettingsReferenceMarkdown();
// .env.example: every setting with its default, commented out.
std::string EnvExample();

}  // namespace tocsin
