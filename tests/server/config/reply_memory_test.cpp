#include "server/config/reply_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

using testing::HasSubstr;

const PrivateKey kKey = PrivateKey::generate();
const PrivateKey kOther = PrivateKey::generate();

std::vector<KeyFunction> functions_of(std::string_view handler, const Bytes& reply,
                                      const PrivateKey& key, const KeyUse& use = {}) {
  const std::vector<ServiceSettings> settings{
      make_settings(7700, handler, {}, ClientPolicy::kOptional, reply)};
  const auto services =
      services_of(make_service(7700, handler, key, ClientPolicy::kOptional, reply, use));
  return *key_functions_of(settings, services);
}

TEST(ReplyMemory, IsOfSuite1KeysThatReply) {
  EXPECT_EQ(functions_of("echo", {}, kKey).size(), 1U);
  EXPECT_EQ(functions_of("discard", {}, kKey).size(), 0U);
  EXPECT_EQ(functions_of("time", {}, kKey, {.suite = kSuiteF002}).size(), 0U);
}

TEST(ReplyMemory, HoldsAKeyToItsFirstFunction) {
  ReplyMemory memory;
  const auto first = functions_of("ack", {1}, kKey);
  EXPECT_TRUE(memory.check(first));
  memory.add(first);
  EXPECT_TRUE(memory.check(first));
  for (const auto& other : {functions_of("ack", {2}, kKey), functions_of("echo", {}, kKey)}) {
    const auto checked = memory.check(other);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().to_string(), HasSubstr("give the service a new key"));
    memory.add(other);
  }
  EXPECT_TRUE(memory.check(first));
  EXPECT_TRUE(memory.check(functions_of("ack", {2}, kOther)));
  EXPECT_TRUE(memory.check({}));
}

}  // namespace
}  // namespace pssst::server
