#include "tools/stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "tools/exit_status.hpp"

namespace pssst::tools {
namespace {

/// A pipe whose far end another thread writes in small pieces.
class SlowPipe {
 public:
  explicit SlowPipe(std::string bytes) {
    if (::pipe(ends_) != 0) throw std::runtime_error("pipe");
    writer_ = std::thread([this, bytes = std::move(bytes)] {
      for (std::size_t i = 0; i < bytes.size(); i += 7) {
        const std::size_t size = std::min<std::size_t>(7, bytes.size() - i);
        if (::write(ends_[1], bytes.data() + i, size) < 0) break;
      }
      ::close(ends_[1]);
    });
  }
  SlowPipe(const SlowPipe&) = delete;
  SlowPipe& operator=(const SlowPipe&) = delete;
  ~SlowPipe() {
    writer_.join();
    ::close(ends_[0]);
  }
  [[nodiscard]] int fd() const noexcept { return ends_[0]; }

 private:
  int ends_[2] = {-1, -1};
  std::thread writer_;
};

TEST(Stream, ReadsUpToTheEnd) {
  const std::string text(1000, 'x');
  const SlowPipe pipe(text);
  const auto bytes = read_all(pipe.fd(), 1000, "it");
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(std::string(bytes->begin(), bytes->end()), text);
}

TEST(Stream, KeepsZeroBytes) {
  const SlowPipe pipe(std::string("a\0b\0", 4));
  EXPECT_EQ(*read_all(pipe.fd(), 10, "it"), (std::vector<std::uint8_t>{'a', 0, 'b', 0}));
}

TEST(Stream, MoreThanTheLimitIsAnError) {
  const SlowPipe pipe(std::string(1001, 'x'));
  const auto bytes = read_all(pipe.fd(), 1000, "it");
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().to_string(), "it: more than 1000 bytes");
}

TEST(Stream, StopsAtAFullBuffer) {
  const SlowPipe pipe(std::string(100, 'x'));
  std::vector<char> buffer(60);
  EXPECT_EQ(*read_up_to(pipe.fd(), buffer), 60u);
  EXPECT_EQ(*read_up_to(pipe.fd(), buffer), 40u);
}

TEST(Stream, ErrorsOfTheKernel) {
  std::vector<char> buffer(10);
  EXPECT_EQ(read_up_to(-1, buffer).error().what, "cannot read: Bad file descriptor");
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  const auto written = write_all(full, "x");
  ::close(full);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().to_string(), "standard output: cannot write: No space left on device");
}

TEST(Stream, WritesMoreThanAPipeHolds) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string text(300'000, 'y');
  std::thread writer([&] {
    EXPECT_TRUE(write_all(ends[1], text).has_value());
    ::close(ends[1]);
  });
  const auto bytes = read_all(ends[0], 300'000, "it");
  writer.join();
  ::close(ends[0]);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(bytes->size(), text.size());
}

TEST(Stream, Trims) {
  EXPECT_EQ(trim(" \t\r\na b\n "), "a b");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim("x"), "x");
}

TEST(Stream, ReportsOnOneLine) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(report("call", {.what = "broken", .where = "here", .remedy = "mend it"}), kExitError);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "pssst call: here: broken: mend it\n");
}

}  // namespace
}  // namespace pssst::tools
