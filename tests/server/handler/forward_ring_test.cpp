#include "server/handler/forward_ring.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

bool put(ForwardRing& ring, std::uint64_t token, std::span<const std::uint8_t> text,
         const Identity* client = nullptr) {
  const HandlerMessage message{
      .message = text, .suite = kSuiteF002, .client = client, .token = token, .reply_size = {}};
  return ring.put(message, 10 * token);
}

TEST(ForwardRing, KeepsWhatIsForwarded) {
  ForwardRing ring(4);
  Identity client;
  client.public_key.fill(7);
  const Bytes metadata{1, 2, 3};
  client.metadata = metadata;
  const Bytes text{'h', 'i'};
  ASSERT_TRUE(put(ring, 5, text, &client));
  ASSERT_TRUE(put(ring, 6, {}));
  ASSERT_EQ(ring.waiting(), 2U);
  ForwardRequest& first = ring.request(0);
  EXPECT_EQ(first.token, 5U);
  EXPECT_EQ(first.deadline_tsc, 50U);
  EXPECT_EQ(Bytes(first.message.begin(), first.message.begin() + 2), text);
  first.header.set_token(0x0102030405060708);
  Bytes expected{'P', 'S', 'F', '1', 1, 3, 0xf0, 0x02, 1, 2, 3, 4, 5, 6, 7, 8};
  expected.insert(expected.end(), 32, 7);
  expected.insert(expected.end(), {1, 2, 3});
  EXPECT_EQ(Bytes(first.header.bytes.begin(),
                  first.header.bytes.begin() + static_cast<std::ptrdiff_t>(first.header.size)),
            expected);
  const ForwardRequest& second = ring.request(1);
  EXPECT_EQ(second.size, 0U);
  EXPECT_EQ(second.header.size, kForwardRequestHeaderSize);
  EXPECT_EQ(second.header.bytes[4], 0);
  EXPECT_EQ(second.header.bytes[16], 0);
  ring.pop(2);
  EXPECT_EQ(ring.waiting(), 0U);
  EXPECT_EQ(first.message[0], 0) << "not wiped";
}

TEST(ForwardRing, SaysWhenItIsFull) {
  ForwardRing ring(3);  // has room for a power of two
  for (int lap = 0; lap < 5; ++lap) {
    for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(put(ring, i, {}));
    EXPECT_FALSE(put(ring, 9, {}));
    ring.pop(1);
    EXPECT_TRUE(put(ring, 4, {}));
    EXPECT_EQ(ring.request(3).token, 4U);
    ring.pop(4);
  }
}

TEST(ForwardRing, CarriesFromOneThreadToAnother) {
  constexpr std::uint64_t kMessages = 50000;
  ForwardRing ring(16);
  std::thread putter([&] {
    for (std::uint64_t i = 1; i <= kMessages; ++i) {
      const std::string text = std::to_string(i);
      const std::span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
      while (!put(ring, i, bytes)) std::this_thread::yield();
    }
  });
  for (std::uint64_t expected = 1; expected <= kMessages;) {
    const std::size_t n = ring.waiting();
    if (n == 0) std::this_thread::yield();
    for (std::size_t i = 0; i < n; ++i, ++expected) {
      const ForwardRequest& request = ring.request(i);
      ASSERT_EQ(request.token, expected);
      ASSERT_EQ(std::string(request.message.begin(),
                            request.message.begin() + static_cast<std::ptrdiff_t>(request.size)),
                std::to_string(expected));
    }
    ring.pop(n);
  }
  putter.join();
}

TEST(ForwardFrame, AnswersAreOfOneFormAlone) {
  Bytes good{'P', 'S', 'F', '1', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 'o', 'k'};
  const auto answer = read_forward_answer(good);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->token, 0x102U);
  EXPECT_TRUE(answer->has_reply);
  EXPECT_EQ(Bytes(answer->reply.begin(), answer->reply.end()), (Bytes{'o', 'k'}));
  EXPECT_FALSE(read_forward_answer(std::span(good).first(15)));
  EXPECT_TRUE(read_forward_answer(std::span(good).first(16)));
  for (const std::size_t at : {0U, 3U, 5U, 6U, 7U}) {
    Bytes bad = good;
    bad[at] ^= 1;
    EXPECT_FALSE(read_forward_answer(bad)) << at;
  }
  good[4] = kForwardNoReply;
  EXPECT_FALSE(read_forward_answer(good)) << "no reply, and a reply";
  good.resize(16);
  EXPECT_FALSE(read_forward_answer(good)->has_reply);
  good[4] = 2;
  EXPECT_FALSE(read_forward_answer(good));
}

}  // namespace
}  // namespace pssst::server
