#include "channels/channel.h"
#include "channels/channel_options.h"

namespace tocsin {
namespace {

void AppendOptions(std::string& out, std::span<const ChannelOption> options) {
  out += "| option | meaning |\n|---|---|\n";
  for (const ChannelOption& option : options) {
    out.append("| `").append(option.key).append("`");
    if (option.required) out += " (required)";
    out.append(" | ").append(option.doc);
    if (option.secret) out.append("; also as `").append(option.key).append("_file`");
    out += " |\n";
  }
  out += '\n';
}

}  // namespace

std::string ChannelsReferenceMarkdown() {
  std::string out =
      "# Channels\n\n"
      "Generated from the channels' own tables; do not edit.\n\n"
      "Options stand in a receiver of `ALERT_ROUTES_FILE`, by Alertmanager's names where it has\n"
      "the service; nested keys are joined by dots here. A text option is a\n"
      "[template](../specs/templates.md). An unknown option is an error; the options named under\n"
      "\"no effect\" are accepted and do nothing.\n\n";
  for (const ChannelKind* kind : ChannelKinds()) {
    out.append("## ").append(kind->name).append("\n\n").append(kind->summary).append("\n\n");
    out.append("Receiver key `").append(kind->config_key).append("`; at most ");
    out += std::to_string(kind->rate_per_minute) + " messages a minute; a repeated message ";
    out += kind->deduplicates ? "is recognised by its id.\n\n"
                              : "cannot be recognised and says `(possible repeat)`.\n\n";
    AppendOptions(out, kind->options);
    if (!kind->ignored.empty()) {
      out += "No effect:";
      for (const std::string_view key : kind->ignored) out.append(" `").append(key).append("`");
      out += ".\n\n";
    }
  }
  out += "## http_config\n\nOf every channel that speaks HTTP.\n\n";
  AppendOptions(out, HttpOptions());
  out.pop_back();
  return out;
}

}  // namespace tocsin
