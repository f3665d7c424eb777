#include "server/table_memory.hpp"

#include <gtest/gtest.h>

namespace pssst::server {
namespace {

struct alignas(64) Line {
  std::uint64_t value = 7;
};

TEST(TableMemory, GivesObjectsOneAfterTheOther) {
  TableMemory memory(10 * sizeof(Line));
  const std::span<Line> first = memory.take<Line>(4);
  const std::span<Line> second = memory.take<Line>(6);
  EXPECT_EQ(first.data() + 4, second.data());
  for (const Line& line : first) EXPECT_EQ(line.value, 7U);
  for (const Line& line : second) EXPECT_EQ(line.value, 7U);
  EXPECT_TRUE(memory.take<Line>(0).empty());
}

TEST(TableMemory, BeginsWhereAHugePageMay) {
  for (const std::size_t lines : {1U, 100'000U}) {
    TableMemory memory(lines * sizeof(Line));
    const auto address = reinterpret_cast<std::uintptr_t>(memory.take<Line>(lines).data());
    EXPECT_EQ(address % (std::size_t{2} << 20), 0U);
  }
}

TEST(TableMemoryDeathTest, GivesNoMoreThanThereIs) {
  TableMemory memory(2 * sizeof(Line));
  EXPECT_DEATH(static_cast<void>(memory.take<Line>(3)), "");
}

}  // namespace
}  // namespace pssst::server
