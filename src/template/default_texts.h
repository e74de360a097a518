#pragma once

#include <optional>
#include <string_view>

namespace tocsin {

// The texts of a message that nobody wrote a template for.
extern const std::string_view kDefaultTitle;  // one line
extern const std::string_view kDefaultText;   // one line an alert
// The same for mail's HTML part.
extern const std::string_view kDefaultHtml;

// What Alertmanager's built-in template `name` (`slack.default.title`) is here; nothing for a name
// that it does not have.
std::optional<std::string_view> DefaultText(std::string_view name);

}  // namespace tocsin
