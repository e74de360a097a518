#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "rule_file/rule_file.h"

namespace tocsin {
namespace {

// The fenced blocks of the page that are whole rule files: ```yaml with `groups:` at the left edge.
std::vector<std::string> RuleFilesOf(const std::string& page) {
  std::vector<std::string> files;
  static const std::string kFence = "\n```yaml\n";
  for (std::size_t at = page.find(kFence); at != std::string::npos; at = page.find(kFence, at)) {
    at += kFence.size();
    const std::string block = page.substr(at, page.find("\n```", at) + 1 - at);
    if (block.starts_with("groups:") || block.find("\ngroups:") != std::string::npos) {
      files.push_back(block);
    }
  }
  return files;
}

TEST(RulesPageTest, ShowsOnlyRuleFilesThatLoad) {
  const auto page = ReadWholeFile(std::string(TOCSIN_SOURCE_DIR) + "/docs/specs/rules.md");
  ASSERT_TRUE(page) << page.error().message();
  const std::vector<std::string> files = RuleFilesOf(*page);
  EXPECT_GE(files.size(), 3u);
  for (const std::string& text : files) {
    std::vector<Diagnostic> diagnostics;
    const auto file = ParseRuleFile(text, "docs/specs/rules.md", DefaultMetrics(), diagnostics);
    EXPECT_TRUE(file) << text << file.error().message();
    EXPECT_TRUE(file && !file->rules.empty());
  }
}

}  // namespace
}  // namespace tocsin
