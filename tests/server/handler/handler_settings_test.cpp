#include "server/handler/handler_settings.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

TEST(HandlerSettings, KnowAllHandlers) {
  for (const std::string_view name : {"echo", "count", "library", "forward"}) {
    EXPECT_TRUE(is_known_handler(name));
    EXPECT_NE(known_handlers().find(name), std::string::npos);
  }
  EXPECT_FALSE(is_known_handler("librar"));
  EXPECT_EQ(known_handlers(), "echo, discard, ack, time, count, library or forward");
}

TEST(HandlerSettings, MessageTypesAreBytesAndRanges) {
  const auto is = [](std::string_view text, int first, int last) {
    const auto types = parse_message_types(text);
    return types && types->first == first && types->last == last;
  };
  EXPECT_TRUE(is("7", 7, 7));
  EXPECT_TRUE(is("0x0f", 15, 15));
  EXPECT_TRUE(is("0-255", 0, 255));
  EXPECT_TRUE(is("0x10-31", 16, 31));
  for (const std::string_view text :
       {"", "-", "1-", "-1", "256", "0x", "0x100", "x1", "2-1", "1-2-3", " 1", "0xg"}) {
    EXPECT_FALSE(parse_message_types(text)) << text;
  }
}

std::string refusal(std::string_view handler, const HandlerOptions& options,
                    const Bytes& reply = {}) {
  const auto fit = check_handler_settings(handler, reply, options, "here");
  return fit ? "" : fit.error().to_string();
}

TEST(HandlerSettings, EachHandlerTakesItsOwn) {
  EXPECT_EQ(refusal("echo", {}), "");
  EXPECT_EQ(refusal("ack", {}, {1}), "");
  EXPECT_EQ(refusal("library", {.library = "a.so",
                                .options = {{"a", "b"}},
                                .deadline = std::chrono::milliseconds(5),
                                .in_flight = 1}),
            "");
  EXPECT_EQ(refusal("forward", {.backends = {"/a", "@b"}}), "");
}

TEST(HandlerSettings, AndNothingElse) {
  const HandlerOptions library{.library = "a.so"};
  const HandlerOptions forward{.backends = {"/a"}};
  EXPECT_EQ(refusal("echo", {}, {1}), "here: only the handler ack takes a reply: take one out");
  EXPECT_EQ(refusal("library", library, {1}),
            "here: only the handler ack takes a reply: take one out");
  EXPECT_NE(refusal("echo", library), "");
  EXPECT_NE(refusal("forward", {.options = {{"a", "b"}}, .backends = {"/a"}}), "");
  EXPECT_NE(refusal("library", {.library = "a.so", .backends = {"/a"}}), "");
  EXPECT_NE(refusal("echo", forward), "");
  EXPECT_NE(refusal("echo", {.in_flight = 1}), "");
  EXPECT_NE(refusal("time", {.deadline = std::chrono::milliseconds(5)}), "");
  EXPECT_EQ(refusal("library", {}),
            "here: handler library names no library: name the shared object");
  EXPECT_EQ(refusal("forward", {}),
            "here: handler forward names no backend: name the Unix datagram socket of one");
}

TEST(HandlerSettings, NumbersHaveTheirLimits) {
  const auto forward = [](int deadline_ms, std::size_t in_flight) {
    return refusal("forward", {.backends = {"/a"},
                               .deadline = std::chrono::milliseconds(deadline_ms),
                               .in_flight = in_flight});
  };
  EXPECT_EQ(forward(1, 1), "");
  EXPECT_EQ(forward(60000, 16384), "");
  EXPECT_NE(forward(0, 1), "");
  EXPECT_NE(forward(60001, 1), "");
  EXPECT_NE(forward(1, 0), "");
  EXPECT_NE(forward(1, 16385), "");
}

TEST(HandlerSettings, BackendsAreSocketsEachOnce) {
  EXPECT_EQ(refusal("forward", {.backends = {std::string(107, 'a')}}), "");
  EXPECT_NE(refusal("forward", {.backends = {std::string(108, 'a')}}), "");
  EXPECT_NE(refusal("forward", {.backends = {"@"}}), "");
  EXPECT_NE(refusal("forward", {.backends = {"/a", ""}}), "");
  EXPECT_EQ(refusal("forward", {.backends = {"/a", "/b", "/a"}}),
            "here: backend /a stands twice: take one out");
  EXPECT_NE(refusal("forward", {.backends = std::vector<std::string>(65, "/a")}), "");
}

}  // namespace
}  // namespace pssst::server
