#include "net/pcap_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "net/pcap_reader.hpp"

namespace pssst::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

class PcapFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("pssst-pcap-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return folder_ / "drops.pcap"; }

  std::filesystem::path folder_;
};

TEST_F(PcapFileTest, HoldsFramesWithTheirTimesAndSizes) {
  auto file = PcapFile::create(path(), 1'000'000);
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_TRUE(file->add(1'700'000'000'123'456'789, Bytes(60, 7), 60));
  EXPECT_TRUE(file->add(1'700'000'001'000'000'000, Bytes(100, 8), 1514));
  EXPECT_EQ(test::read_pcap(path())->size(), 0u) << "not flushed yet";
  EXPECT_TRUE(file->flush());
  const auto frames = test::read_pcap(path());
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 2u);
  EXPECT_EQ((*frames)[0].time_ns, 1'700'000'000'123'456'789u);
  EXPECT_EQ((*frames)[0].bytes, Bytes(60, 7));
  EXPECT_EQ((*frames)[0].size, 60u);
  EXPECT_EQ((*frames)[1].bytes, Bytes(100, 8));
  EXPECT_EQ((*frames)[1].size, 1514u);
}

TEST_F(PcapFileTest, EndsAtItsLargestSize) {
  auto file = PcapFile::create(path(), 24 + 2 * (16 + 60));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->add(0, Bytes(60, 1), 60));
  EXPECT_TRUE(file->flush());
  EXPECT_FALSE(file->add(0, Bytes(61, 2), 61));
  EXPECT_TRUE(file->add(0, Bytes(60, 3), 60));
  EXPECT_FALSE(file->add(0, {}, 0));
  EXPECT_TRUE(file->flush());
  EXPECT_EQ(std::filesystem::file_size(path()), 24u + 2 * (16 + 60));
  EXPECT_EQ(test::read_pcap(path())->size(), 2u);
}

TEST_F(PcapFileTest, IsForItsOwnerAloneAndReplacesAnother) {
  { std::ofstream(path()) << "what was there before, longer than a header of 24 bytes"; }
  ASSERT_TRUE(PcapFile::create(path(), 1000));
  EXPECT_EQ(test::read_pcap(path())->size(), 0u);
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "though the other one's was another";
  std::filesystem::remove(path());
  ASSERT_TRUE(PcapFile::create(path(), 1000));
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

// Whoever owns it, or had it open, would read on.
TEST_F(PcapFileTest, WhoHadTheOtherFileOpenReadsNothing) {
  { std::ofstream(path()) << "what was there before"; }
  std::ifstream reader(path());
  auto file = PcapFile::create(path(), 1000);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->add(0, Bytes(60, 1), 60));
  ASSERT_TRUE(file->flush());
  const std::string seen{std::istreambuf_iterator<char>(reader), {}};
  EXPECT_EQ(seen, "what was there before");
}

// To open a pipe that nobody reads would wait for ever.
TEST_F(PcapFileTest, IsNoPipeAndNoDirectory) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const auto waits_for_ever = std::signal(SIGALRM, SIG_DFL);
  ::alarm(10);
  const auto pipe = PcapFile::create(path(), 1000);
  ::alarm(0);
  static_cast<void>(std::signal(SIGALRM, waits_for_ever));
  ASSERT_FALSE(pipe);
  EXPECT_NE(pipe.error().to_string().find("not a regular file"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_fifo(path()));
  EXPECT_FALSE(PcapFile::create(folder_, 1000));
}

TEST_F(PcapFileTest, SaysWhyItCannotBeMade) {
  const auto nowhere = PcapFile::create(folder_ / "no" / "where", 1000);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().to_string().find("No such file"), std::string::npos);
  std::filesystem::create_symlink("elsewhere", path());
  const auto link = PcapFile::create(path(), 1000);
  ASSERT_FALSE(link);
  EXPECT_NE(link.error().to_string().find("symbolic link"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
}

// A disk that is full: what was whole stays whole, and the rest is refused.
TEST_F(PcapFileTest, IsGivenUpWhereItCannotBeWritten) {
  auto file = PcapFile::create(path(), 1'000'000);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->add(0, Bytes(60, 1), 60));
  ASSERT_TRUE(file->flush());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 150, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_TRUE(file->add(0, Bytes(900, 2), 900));
  const bool flushed = file->flush();
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  static_cast<void>(std::signal(SIGXFSZ, handler));
  EXPECT_FALSE(flushed);
  EXPECT_FALSE(file->add(0, Bytes(60, 3), 60));
  EXPECT_FALSE(file->flush());
  const auto frames = test::read_pcap(path());
  ASSERT_TRUE(frames) << "half a frame was left";
  EXPECT_EQ(frames->size(), 1u);
}

}  // namespace
}  // namespace pssst::net
