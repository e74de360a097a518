#include "fleet/fleet_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/json_text.h"
#include "base/text.h"
#include "rule_file/yaml_tree.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxFileBytes = 64u << 20;
constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxMistakes = 100;

bool IsLabelName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && !(name[0] >= '0' && name[0] <= '9') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

class Mistakes {
 public:
  explicit Mistakes(std::vector<Diagnostic>& all) : all_(all) {}
  void Add(SourcePlace place, std::string message) {
    if (all_.size() < kMaxMistakes) all_.push_back({place, std::move(message)});
  }

 private:
  std::vector<Diagnostic>& all_;
};

void CheckEntry(const FleetEntry& entry, Mistakes& mistakes) {
  if (entry.text.empty() || entry.text.size() > kMaxIdBytes || !IsUtf8(entry.text)) {
    mistakes.Add(entry.place, "a device has an id (or match) of 1 to 256 bytes of UTF-8");
  }
  for (const auto& [name, value] : entry.labels) {
    if (!IsUtf8(value)) mistakes.Add(entry.place, "label `" + name + "` is not UTF-8");
  }
}

// --- YAML ---------------------------------------------------------------------------------------

void ReadLabels(const YamlTree& labels, FleetEntry& entry, Mistakes& mistakes) {
  if (labels.kind != YamlTree::Kind::kMapping) {
    mistakes.Add(labels.place, "labels is a mapping, such as {site: a, gateway: g1}");
    return;
  }
  for (const YamlTree::Pair& pair : labels.pairs) {
    if (!IsLabelName(pair.key)) {
      mistakes.Add(pair.place, "`" + pair.key + "` is no label name ([A-Za-z_][A-Za-z0-9_]*)");
    } else if (pair.value->kind != YamlTree::Kind::kScalar) {
      mistakes.Add(pair.value->place, "label `" + pair.key + "` takes one text");
    } else {
      entry.labels[pair.key] = pair.value->text;
    }
  }
}

void ReadEntry(const YamlTree& item, std::vector<FleetEntry>& entries, Mistakes& mistakes) {
  if (item.kind != YamlTree::Kind::kMapping) {
    mistakes.Add(item.place, "a device is a mapping, such as {id: dev_1, labels: {site: a}}");
    return;
  }
  static constexpr std::array<std::string_view, 3> kKeys = {"id", "match", "labels"};
  FleetEntry entry;
  entry.place = item.place;
  int names = 0;
  for (const YamlTree::Pair& pair : item.pairs) {
    if (pair.key == "labels") {
      ReadLabels(*pair.value, entry, mistakes);
    } else if (pair.key == "id" || pair.key == "match") {
      ++names;
      entry.pattern = pair.key == "match";
      entry.text = pair.value->text;
    } else {
      const std::string_view nearest = Nearest(pair.key, kKeys);
      mistakes.Add(
          pair.place,
          "unknown key `" + pair.key + "` of a device" +
              (nearest.empty() ? std::string() : "; did you mean `" + std::string(nearest) + "`?"));
    }
  }
  if (names != 1) {
    mistakes.Add(item.place, "a device has either `id` or `match`");
    return;
  }
  CheckEntry(entry, mistakes);
  entries.push_back(std::move(entry));
}

// --- CSV ----------------------------------------------------------------------------------------

// The fields of one line and their columns; quoted fields as in RFC 4180, without line ends inside.
bool SplitCsv(std::string_view line, std::vector<std::string>& fields,
              std::vector<std::uint32_t>& columns) {
  fields.clear();
  columns.clear();
  std::size_t at = 0;
  for (;;) {
    columns.push_back(static_cast<std::uint32_t>(at + 1));
    std::string& field = fields.emplace_back();
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at >= line.size()) return false;
        if (line[at] != '"') {
          field += line[at];
        } else if (at + 1 < line.size() && line[at + 1] == '"') {
          field += line[at++];
        } else {
          break;
        }
      }
      ++at;
      if (at < line.size() && line[at] != ',') return false;
    } else {
      const std::size_t end = std::min(line.find(',', at), line.size());
      field = line.substr(at, end - at);
      at = end;
    }
    if (at >= line.size()) return true;
    ++at;
  }
}

bool ReadHeader(const std::vector<std::string>& header, const std::vector<std::uint32_t>& columns,
                Mistakes& mistakes) {
  if (header[0] != "device_id") {
    mistakes.Add({1, 1}, "the first line is `device_id` and the names of the labels");
    return false;
  }
  bool good = true;
  for (std::size_t i = 1; i < header.size(); ++i) {
    const bool repeated = std::ranges::count(header, header[i]) > 1;
    if (IsLabelName(header[i]) && !repeated) continue;
    mistakes.Add({1, columns[i]},
                 "`" + header[i] + "` is no label name ([A-Za-z_][A-Za-z0-9_]*), each once");
    good = false;
  }
  return good;
}

}  // namespace

Result<std::string> ReadFleetFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fail(Code::kConfiguration, "FLEET_FILE " + path + " cannot be opened (" +
                                          std::strerror(errno) + "); name a readable file");
  }
  std::string text;
  std::string buffer(1u << 20, '\0');
  while (file && text.size() <= kMaxFileBytes) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    text.append(buffer, 0, static_cast<std::size_t>(file.gcount()));
  }
  if (text.size() > kMaxFileBytes) {
    return Fail(Code::kConfiguration, "FLEET_FILE " + path + " is larger than 64 MiB");
  }
  if (file.bad()) return Fail(Code::kConfiguration, "FLEET_FILE " + path + " cannot be read");
  return text;
}

std::vector<FleetEntry> ParseFleetYaml(std::string_view text,
                                       std::vector<Diagnostic>& diagnostics) {
  std::vector<FleetEntry> entries;
  const YamlTree::Pointer tree = ParseYamlTree(text, diagnostics);
  Mistakes mistakes(diagnostics);
  if (tree == nullptr || tree->kind == YamlTree::Kind::kNull) return entries;
  if (tree->kind != YamlTree::Kind::kMapping) {
    mistakes.Add(tree->place, "a fleet file is a mapping with `devices`");
    return entries;
  }
  for (const YamlTree::Pair& pair : tree->pairs) {
    if (pair.key != "devices") {
      mistakes.Add(pair.place, "unknown key `" + pair.key + "`; a fleet file has `devices`");
    } else if (pair.value->kind == YamlTree::Kind::kSequence) {
      for (const auto& item : pair.value->items) ReadEntry(*item, entries, mistakes);
    } else if (pair.value->kind != YamlTree::Kind::kNull) {
      mistakes.Add(pair.value->place, "devices is a list");
    }
  }
  return entries;
}

std::vector<FleetEntry> ParseFleetCsv(std::string_view text, std::vector<Diagnostic>& diagnostics) {
  std::vector<FleetEntry> entries;
  Mistakes mistakes(diagnostics);
  std::vector<std::string> header, fields;
  std::vector<std::uint32_t> columns;
  std::uint32_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (!SplitCsv(line, fields, columns)) {
      mistakes.Add({number, columns.back()}, "a quotation mark does not close");
    } else if (header.empty()) {
      header = fields;
      if (!ReadHeader(header, columns, mistakes)) return entries;
    } else if (fields.size() != header.size()) {
      mistakes.Add({number, 1}, "has " + std::to_string(fields.size()) +
                                    " fields, the first line " + std::to_string(header.size()));
    } else {
      FleetEntry entry{.text = fields[0], .labels = {}, .place = {number, 1}};
      for (std::size_t i = 1; i < fields.size(); ++i) {
        if (!fields[i].empty()) entry.labels[header[i]] = fields[i];
      }
      CheckEntry(entry, mistakes);
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

}  // namespace tocsin
