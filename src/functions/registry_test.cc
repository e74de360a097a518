#include <gtest/gtest.h>

#include <set>
#include <string>

#include "functions/function.h"

namespace tocsin {
namespace {

TEST(FunctionRegistryTest, FindsEveryFunctionByItsName) {
  for (const FunctionSpec* spec : Functions()) EXPECT_EQ(FindFunction(spec->name), spec);
  EXPECT_EQ(FindFunction("avgg"), nullptr);
  EXPECT_EQ(FindFunction(""), nullptr);
}

TEST(FunctionRegistryTest, GivesTheFunctionsOnceEachInTheOrderOfTheirNames) {
  std::string before;
  for (const FunctionSpec* spec : Functions()) {
    EXPECT_LT(before, spec->name);
    before = spec->name;
  }
  EXPECT_EQ(Functions().size(), 27u);
}

TEST(FunctionRegistryTest, SaysOfEveryFunctionWhatTheReferencePageNeeds) {
  for (const FunctionSpec* spec : Functions()) {
    SCOPED_TRACE(spec->name);
    EXPECT_FALSE(spec->parameters.empty());
    EXPECT_TRUE(spec->summary.ends_with('.'));
    EXPECT_TRUE(spec->details.ends_with('.'));
    EXPECT_NE(spec->example.find(std::string(spec->name) + "("), std::string_view::npos);
    EXPECT_NE(spec->make, nullptr);
    EXPECT_FALSE(spec->windowed && spec->time_driven);
    std::set<std::string_view> names;
    for (const Parameter& parameter : spec->parameters) names.insert(parameter.name);
    EXPECT_EQ(names.size(), spec->parameters.size());
  }
}

}  // namespace
}  // namespace tocsin
