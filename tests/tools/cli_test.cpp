#include "tools/cli.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "base/help_formatter.hpp"
#include "tools/exit_status.hpp"

namespace pssst::tools {
namespace {

struct Outcome {
  int status;
  std::string out;
  std::string err;
};

class Cli : public testing::Test {
 protected:
  // run_command() makes the process undumpable, and then a leak checker cannot look into it.
  ~Cli() override { ::prctl(PR_SET_DUMPABLE, 1); }

  static Outcome run(std::initializer_list<const char*> arguments) {
    std::vector<std::string> words{"pssst"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = run_command(static_cast<int>(words.size()), argv.data());
    std::string out = testing::internal::GetCapturedStdout();
    return {status, std::move(out), testing::internal::GetCapturedStderr()};
  }
};

constexpr const char* kSubcommands[] = {"genkey", "pubkey", "call", "load",
                                        "compat", "check",  "ctl",  "top"};

void expect_good_help(const Outcome& outcome, const std::string& usage) {
  EXPECT_EQ(outcome.status, kExitOk);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out.find("Usage: " + usage), 0u) << outcome.out;
  EXPECT_NE(outcome.out.find("\nExamples:\n  "), std::string::npos) << "no examples";
  EXPECT_GT(outcome.out.find("\nExamples:\n"), outcome.out.find("\nOptions:\n"));
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), base::kHelpColumns) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

TEST_F(Cli, HelpOfTheWhole) {
  const Outcome help = run({"--help"});
  expect_good_help(help, "pssst [OPTIONS] SUBCOMMAND");
  for (const char* name : kSubcommands) {
    EXPECT_NE(help.out.find("\n  " + std::string(name) + " "), std::string::npos) << name;
  }
  EXPECT_EQ(run({"-h"}).out, help.out);
}

TEST_F(Cli, HelpOfEachSubcommand) {
  for (const char* name : kSubcommands) {
    const Outcome help = run({name, "--help"});
    expect_good_help(help, std::string("pssst ") + name + " [OPTIONS]");
    EXPECT_EQ(run({name, "-h"}).out, help.out);
  }
}

TEST_F(Cli, VersionEverywhere) {
  const std::string version = "pssst " PSSST_VERSION "\n";
  EXPECT_EQ(run({"--version"}).out, version);
  for (const char* name : kSubcommands) {
    const Outcome outcome = run({name, "--version"});
    EXPECT_EQ(outcome.status, kExitOk);
    EXPECT_EQ(outcome.out, version);
  }
}

TEST_F(Cli, WrongCommandLines) {
  struct Row {
    std::initializer_list<const char*> arguments;
    const char* complaint;
  };
  const Row rows[] = {
      {{}, "pssst: a subcommand is missing; see `pssst --help`\n"},
      {{"frob"}, "pssst: there is no subcommand 'frob'; see `pssst --help`\n"},
      {{""}, "pssst: there is no subcommand ''; see `pssst --help`\n"},
      {{"--frob"}, "pssst: The following argument was not expected: --frob; see `pssst --help`\n"},
      {{"genkey", "x"},
       "pssst genkey: The following argument was not expected: x; see `pssst genkey --help`\n"},
      {{"call"}, "pssst call: HOST is required; see `pssst call --help`\n"},
      {{"call", "h", "1"}, "pssst call: --server is required; see `pssst call --help`\n"},
      {{"call", "h", "0", "--server", "k"},
       "pssst call: PORT: Value 0 not in range 1 to 65535; see `pssst call --help`\n"},
      {{"call", "h", "65536", "--server", "k"},
       "pssst call: PORT: Value 65536 not in range 1 to 65535; see `pssst call --help`\n"},
      {{"call", "h", "1", "m", "--server", "k", "--timeout", "0"},
       "pssst call: --timeout: Value 0 not in range 1 to 3600000; see `pssst call --help`\n"},
      {{"call", "h", "1", "m", "--server", "k", "--tries", "-1"},
       "pssst call: --tries: Value -1 not in range 1 to 1000; see `pssst call --help`\n"},
      {{"call", "h", "1", "m", "--server", "k", "-4", "-6"},
       "pssst call: -4 excludes -6; see `pssst call --help`\n"},
  };
  for (const Row& row : rows) {
    const Outcome outcome = run(row.arguments);
    EXPECT_EQ(outcome.status, kExitUsage) << row.complaint;
    EXPECT_EQ(outcome.err, row.complaint);
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(Cli, SwitchesCoreDumpsOff) {
  ASSERT_EQ(::prctl(PR_SET_DUMPABLE, 1), 0);
  static_cast<void>(run({"--version"}));
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
}

}  // namespace
}  // namespace pssst::tools
