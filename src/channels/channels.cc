#include <algorithm>
#include <array>
#include <vector>

#include "base/error_list.h"
#include "base/text.h"
#include "channels/channel.h"
#include "channels/channel_options.h"

namespace tocsin {
namespace kinds {

#define CHANNEL(name) extern const ChannelKind name;
#include "channels/channels.def"
#undef CHANNEL

}  // namespace kinds

std::span<const ChannelKind* const> ChannelKinds() {
#define CHANNEL(name) &kinds::name,
  static constexpr const ChannelKind* kKinds[] = {
#include "channels/channels.def"
  };
#undef CHANNEL
  return kKinds;
}

const ChannelKind* FindChannelKind(std::string_view name) {
  const auto all = ChannelKinds();
  const auto found = std::ranges::find(all, name, &ChannelKind::name);
  return found == all.end() ? nullptr : *found;
}

Result<std::unique_ptr<Channel>> MakeChannel(const ChannelConfig& config,
                                             const ChannelEnvironment& environment) {
  const ChannelKind* kind = FindChannelKind(config.kind);
  if (kind == nullptr) {
    std::vector<std::string_view> names;
    for (const ChannelKind* known : ChannelKinds()) names.push_back(known->name);
    const std::string_view nearest = Nearest(config.kind, names);
    return Fail(Code::kConfiguration,
                ChannelMistake(
                    config, "",
                    "unknown kind '" + config.kind + "'" +
                        (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?")));
  }
  // An unknown option does not hide what is wrong with the others.
  ErrorList errors;
  errors.Check(CheckOptionKeys(*kind, config));
  auto made = kind->make(config, environment);
  errors.Check(made);
  TOCSIN_TRY(errors.Finish());
  return made;
}

}  // namespace tocsin
