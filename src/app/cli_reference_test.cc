#include <gtest/gtest.h>

#include "app/app.h"
#include "base/file.h"

namespace tocsin {
namespace {

TEST(CliReferenceTest, ThePageInTheTreeIsFresh) {
  const auto page = ReadWholeFile(TOCSIN_SOURCE_DIR "/docs/reference/cli.md");
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(*page, CliReferenceMarkdown()) << "run: tocsin reference > docs/reference/cli.md";
}

TEST(CliReferenceTest, HasEveryCommandAndFlagOfTheContract) {
  const std::string page = CliReferenceMarkdown();
  for (const char* needed : {"`tocsin up`",
                             "`--demo`",
                             "`--run-for DURATION`",
                             "`--port PORT`",
                             "`tocsin generate`",
                             "--sink",
                             "--output",
                             "--kafka-broker",
                             "--kafka-topic",
                             "--interval",
                             "--rate",
                             "--devices",
                             "--max-events",
                             "--seed",
                             "--faults",
                             "--labels-out",
                             "--start",
                             "`tocsin ingest`",
                             "`--follow`",
                             "`--from-start`",
                             "--acks",
                             "`tocsin process`",
                             "`--until-caught-up`",
                             "`tocsin deliver`",
                             "`tocsin batch`",
                             "--input",
                             "--output-dir",
                             "--output-format",
                             "`--preview`",
                             "`--skip-export`",
                             "--threads",
                             "--memory-limit",
                             "--rejects",
                             "--report",
                             "`tocsin dashboard`",
                             "--bind",
                             "`tocsin topic ls`",
                             "`tocsin topic dump`",
                             "`tocsin topic tail`",
                             "--partition",
                             "--from",
                             "--max",
                             "`--with-metadata`",
                             "`tocsin dlq ls`",
                             "`tocsin dlq show`",
                             "`tocsin dlq replay`",
                             "--reason",
                             "`tocsin rules check`",
                             "`tocsin rules test`",
                             "`tocsin rules backtest`",
                             "`tocsin deliveries ls`",
                             "`tocsin deliveries redeliver`",
                             "`tocsin silence add`",
                             "`tocsin silence ls`",
                             "`tocsin silence expire`",
                             "`tocsin config check`",
                             "`tocsin config print`",
                             "`tocsin config schema`",
                             "`--origin`",
                             "`tocsin bench`",
                             "`tocsin doctor`",
                             "`--repair`",
                             "`tocsin completion`",
                             "`tocsin version`"}) {
    EXPECT_NE(page.find(needed), std::string::npos) << needed;
  }
}

}  // namespace
}  // namespace tocsin
