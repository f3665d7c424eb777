#include "server/handler/typed_handler.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

std::shared_ptr<const Handler> built_in(std::string_view name, const Bytes& reply = {}) {
  return *make_handler(name, reply);
}

TEST(TypedHandler, FindsTheHandlerOfAMessagesFirstByte) {
  TypedHandler typed;
  const auto echo = built_in("echo");
  const auto ack = built_in("ack");
  ASSERT_TRUE(typed.add(0, 0, echo));
  ASSERT_TRUE(typed.add(0x10, 0xff, ack));
  EXPECT_EQ(typed.for_message(Bytes{0, 5}), echo.get());
  EXPECT_EQ(typed.for_message(Bytes{0x10}), ack.get());
  EXPECT_EQ(typed.for_message(Bytes{0xff, 0}), ack.get());
  EXPECT_EQ(typed.for_message(Bytes{1}), nullptr);
  EXPECT_EQ(typed.for_message(Bytes{0x0f}), nullptr);
  EXPECT_EQ(typed.for_message({}), nullptr);
  EXPECT_EQ(typed.parts().size(), 2U);
}

TEST(TypedHandler, TakesAHandlerForEachOfAllTypes) {
  TypedHandler typed;
  for (std::size_t type = 0; type < 256; ++type) {
    const auto byte = static_cast<std::uint8_t>(type);
    ASSERT_TRUE(typed.add(byte, byte, built_in("ack", {byte})));
  }
  for (std::size_t type = 0; type < 256; ++type) {
    EXPECT_EQ(typed.for_message(Bytes{static_cast<std::uint8_t>(type)}), typed.parts()[type].get());
  }
}

TEST(TypedHandler, RefusesTwoHandlersForOneType) {
  TypedHandler typed;
  ASSERT_TRUE(typed.add(1, 5, built_in("echo")));
  const auto added = typed.add(4, 7, built_in("ack"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().what, "two handlers for messages of type 4");
  EXPECT_EQ(typed.for_message(Bytes{6}), nullptr);
  EXPECT_EQ(typed.parts().size(), 1U);
}

TEST(TypedHandler, HasTheTraitsOfAllItsHandlers) {
  TypedHandler typed;
  ASSERT_TRUE(typed.add(1, 1, built_in("discard")));
  EXPECT_FALSE(typed.traits().replies);
  EXPECT_TRUE(typed.traits().reply_is_pure);
  ASSERT_TRUE(typed.add(2, 2, built_in("ack", {1, 2, 3})));
  EXPECT_TRUE(typed.traits().replies && typed.traits().reply_is_pure);
  EXPECT_EQ(typed.traits().reply_size_max, 3U);
  ASSERT_TRUE(typed.add(3, 3, built_in("time")));
  EXPECT_FALSE(typed.traits().reply_is_pure);
  EXPECT_EQ(typed.traits().reply_size_max, 27U);
  EXPECT_EQ(typed.traits().name, "typed");
}

}  // namespace
}  // namespace pssst::server
