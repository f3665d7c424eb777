#include "base/file_descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>

namespace pssst::base {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

class FileDescriptorTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe(ends_.data()), 0); }
  std::array<int, 2> ends_{};
};

TEST_F(FileDescriptorTest, ClosesWhatItOwns) {
  const FileDescriptor other(ends_[1]);
  {
    const FileDescriptor owner(ends_[0]);
    EXPECT_EQ(owner.get(), ends_[0]);
    EXPECT_TRUE(is_open(ends_[0]));
  }
  EXPECT_FALSE(is_open(ends_[0]));
  EXPECT_TRUE(is_open(other.get()));
  const FileDescriptor none;
  EXPECT_EQ(none.get(), -1);
}

TEST_F(FileDescriptorTest, MovesAndClosesOnce) {
  FileDescriptor a(ends_[0]);
  FileDescriptor b(std::move(a));
  EXPECT_EQ(b.get(), ends_[0]);
  {
    FileDescriptor c(ends_[1]);
    c = std::move(b);
    EXPECT_EQ(c.get(), ends_[0]);
  }
  EXPECT_FALSE(is_open(ends_[0]));
}

}  // namespace
}  // namespace pssst::base
