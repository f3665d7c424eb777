#include "tools/identity/line_source.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file_descriptor.hpp"
#include "tools/temporary_folder.hpp"

namespace pssst::tools {
namespace {

class LineSourceTest : public testing::Test {
 protected:
  /// All lines of a file, read in batches of `lines_max`.
  std::vector<std::string> lines_of(const std::string& contents, std::size_t lines_max) {
    const base::FileDescriptor file(
        ::open(folder_.file("lines", contents).c_str(), O_RDONLY | O_CLOEXEC));
    LineSource source(file.get(), "lines", 100);
    std::vector<std::string> lines;
    for (;;) {
      const auto batch = source.next(lines_max);
      if (!batch) throw std::runtime_error(batch.error().to_string());
      if (batch->lines.empty()) break;
      EXPECT_LE(batch->lines.size(), lines_max);
      EXPECT_EQ(batch->first_line, lines.size() + 1);
      lines.insert(lines.end(), batch->lines.begin(), batch->lines.end());
    }
    EXPECT_EQ(source.bytes_read(), contents.size());
    return lines;
  }

  test::TemporaryFolder folder_;
};

using Lines = std::vector<std::string>;

TEST_F(LineSourceTest, SplitsAtEndsOfLines) {
  for (const std::size_t lines_max : {1U, 2U, 100U}) {
    EXPECT_EQ(lines_of("", lines_max), Lines());
    EXPECT_EQ(lines_of("\n", lines_max), Lines({""}));
    EXPECT_EQ(lines_of("a", lines_max), Lines({"a"}));
    EXPECT_EQ(lines_of("a\n\nb\r\n", lines_max), Lines({"a", "", "b\r"}));
    EXPECT_EQ(lines_of(std::string("a\0b\nc", 5), lines_max), Lines({std::string("a\0b", 3), "c"}));
  }
}

TEST_F(LineSourceTest, ALongLineIsCutAndTheNextIsWhole) {
  const std::string longest(100, 'x');
  EXPECT_EQ(lines_of(longest + "\nb\n", 10), Lines({longest, "b"}));
  EXPECT_EQ(lines_of(longest + "y\nb\n", 10), Lines({longest + "y", "b"}));
  EXPECT_EQ(lines_of(longest + "yz\nb\n", 10), Lines({longest + "y", "b"}));
  EXPECT_EQ(lines_of(std::string(3'000'000, 'x') + "\nb", 10), Lines({longest + "x", "b"}));
}

TEST_F(LineSourceTest, LinesAcrossReadsAreWhole) {
  std::string contents;
  Lines expected;
  for (int i = 0; contents.size() < 2'500'000; ++i) {
    expected.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i % 90), '.'));
    contents += expected.back() + "\n";
  }
  EXPECT_EQ(lines_of(contents, 1000), expected);
}

TEST_F(LineSourceTest, WhatCannotBeReadIsAnError) {
  const base::FileDescriptor folder(::open(folder_.path().c_str(), O_RDONLY | O_CLOEXEC));
  const auto batch = LineSource(folder.get(), "the folder", 100).next(1);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().to_string(), "the folder: cannot read: Is a directory");
}

}  // namespace
}  // namespace pssst::tools
