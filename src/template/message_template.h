#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "route/notifier.h"
#include "route/template_file.h"

namespace tocsin {

// How text from outside (device ids, labels, annotations) is made harmless in a message.
enum class Escape : std::uint8_t { kNone, kHtml, kJson, kSlack, kMarkdownTelegram, kHeader };

// A message template (docs/specs/templates.md): mustache (sections, inverted sections, dotted
// names) and the part of Go's templates that files of Alertmanager use (if, range, with, variables,
// define, functions), over the fields of a notification in Alertmanager's names.
//
// What can be wrong is found when it is read: names, types, numbers of values, patterns. Expansion
// cannot fail; it ends when the message is long enough to be cut, or after a bounded amount of
// work.
//
// Every value is escaped by `escape`, however it is written; values are never read as templates.
class MessageTemplate {
 public:
  // `files` are looked into for templates that the text invokes and does not define.
  // kInvalidArgument naming the unknown field (with the nearest known one) or the place of a
  // syntax mistake.
  static Result<MessageTemplate> Parse(std::string_view text, Escape escape,
                                       const TemplateFiles& files = {});
  // At most `max_chars` code points, cut with "…".
  std::string Expand(const Notification& notification, std::size_t max_chars,
                     std::string_view external_url) const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

inline constexpr std::size_t kMaxTemplateFileBytes = 1 << 20;

// kInvalidArgument with the first syntax mistake of each file, one "template file PATH, line L,
// column C: …" a line.
Status CheckTemplateFiles(const TemplateFiles& files);

// Whether one of the files defines the template.
bool DefinesTemplate(const TemplateFiles& files, std::string_view name);

std::string EscapeText(std::string_view text, Escape escape);
// At most `max_chars` code points of UTF-8, cut with "…".
std::string CutText(std::string_view text, std::size_t max_chars);

}  // namespace tocsin
