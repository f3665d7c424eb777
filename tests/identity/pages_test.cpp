#include "identity/pages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <span>

namespace pssst::identity {
namespace {

TEST(Pages, AreZeroAndWritable) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{5 << 20}}) {
    Pages pages(size);
    ASSERT_GE(pages.size(), size);
    EXPECT_LT(pages.size(), size + 4096);
    const std::span<std::uint8_t> bytes(pages.data(), pages.size());
    EXPECT_TRUE(std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; }));
    bytes.front() = bytes.back() = 1;
    const Pages moved = std::move(pages);
    EXPECT_EQ(moved.data(), bytes.data());
    EXPECT_EQ(moved.data()[0], 1);
  }
}

TEST(Pages, MoreThanThereIsThrows) {
  EXPECT_THROW(Pages(SIZE_MAX / 2), std::bad_alloc);
}

}  // namespace
}  // namespace pssst::identity
