#include "base/help_formatter.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace pssst::base {
namespace {

TEST(WrapText, ShortTextStays) {
  EXPECT_EQ(wrap_text("", 0), "");
  EXPECT_EQ(wrap_text("one two", 4, 20), "one two");
}

TEST(WrapText, BreaksAtTheLastSpaceThatFits) {
  EXPECT_EQ(wrap_text("aaa bbb ccc", 0, 7), "aaa bbb\nccc");
  EXPECT_EQ(wrap_text("aaa bbb ccc", 0, 6), "aaa\nbbb\nccc");
  EXPECT_EQ(wrap_text("aaa bbb ccc", 2, 9), "aaa bbb\n  ccc");
}

TEST(WrapText, ALongWordStandsAlone) {
  EXPECT_EQ(wrap_text("a bbbbbbbbbb c", 0, 5), "a\nbbbbbbbbbb\nc");
}

TEST(WrapText, OwnLineEndsStay) {
  EXPECT_EQ(wrap_text("a\nb", 2, 20), "a\n  b");
  EXPECT_EQ(wrap_text("a\n\nb c", 2, 20), "a\n\n  b c");
}

TEST(WrapText, SpacesInARowAreOne) {
  EXPECT_EQ(wrap_text("a   b ", 0, 20), "a b");
}

std::string help_of(CLI::App& app) {
  app.formatter(std::make_shared<HelpFormatter>());
  return app.help();
}

TEST(HelpFormatter, AllParts) {
  CLI::App app("Does this.\n\nAnd more about it.", "tool");
  std::string text;
  bool flag = false;
  app.set_help_flag("-h,--help", "Help.");
  app.add_option("FROM", text, "Where from.")->required();
  app.add_option("TO", text, "Where to.");
  app.add_option("-k,--key", text, "A key.")->option_text("KEY")->required();
  app.add_flag("--fast", flag, "Hurry.");
  app.add_flag("-4", flag, "Four.");
  app.footer("Examples:\n  tool a b --key c");
  EXPECT_EQ(help_of(app), R"(Usage: tool [OPTIONS] --key KEY FROM [TO]

Does this.

And more about it.

Arguments:
  FROM                    Where from.
  TO                      Where to.

Options:
  -k, --key KEY           A key.
      --fast              Hurry.
  -4                      Four.
  -h, --help              Help.

Examples:
  tool a b --key c
)");
}

TEST(HelpFormatter, GroupsStandUnderTheirNames) {
  CLI::App app("Serves.", "daemon");
  std::string text;
  app.set_help_flag("--help", "Help.");
  app.add_option("--port", text, "Which.")->option_text("KIND");
  app.add_option("--listen", text, "Where.")->option_text("ADDRESS")->group("Kernel sockets");
  app.add_option("--clients", text, "Who.")->option_text("FILE");
  EXPECT_EQ(help_of(app), R"(Usage: daemon [OPTIONS]

Serves.

Options:
      --port KIND         Which.
      --clients FILE      Who.
      --help              Help.

Kernel sockets:
      --listen ADDRESS    Where.
)");
}

TEST(HelpFormatter, SubcommandsShowTheirFirstLine) {
  CLI::App app("Many things.", "tool");
  app.set_help_flag("-h,--help", "Help.");
  app.add_subcommand("one", "Does one.\n\nIn detail.");
  app.add_subcommand("two", "Does two.");
  EXPECT_EQ(help_of(app), R"(Usage: tool [OPTIONS] SUBCOMMAND ...

Many things.

Subcommands:
  one                     Does one.
  two                     Does two.

Options:
  -h, --help              Help.
)");
}

TEST(HelpFormatter, ALongOptionHasItsTextBelow) {
  CLI::App app("", "tool");
  std::string text;
  app.set_help_flag("-h,--help", "Help.");
  app.add_option("--a-very-long-option-name", text, "Text.")->option_text("VALUE");
  EXPECT_NE(help_of(app).find("\n      --a-very-long-option-name VALUE\n"
                              "                          Text.\n"),
            std::string::npos);
}

}  // namespace
}  // namespace pssst::base
