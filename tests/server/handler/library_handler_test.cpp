#include "server/handler/library_handler.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "server/handler/later_token.hpp"
#include "server/libraries/test_libraries.hpp"

namespace pssst::server {
namespace {

using Bytes = std::vector<std::uint8_t>;

class LibraryHandlerTest : public testing::Test {
 protected:
  std::unique_ptr<LibraryHandler> make(const std::string& library = "probe") {
    auto made = LibraryHandler::create(probe_settings(probe_, library), &runtime_);
    EXPECT_TRUE(made) << made.error().to_string();
    return *std::move(made);
  }

  /// One message, to worker 1.
  HandlerMessage call(const LibraryHandler& handler, const Bytes& text,
                      const Identity* client = nullptr) {
    HandlerMessage message{.message = text,
                           .suite = kSuiteF002,
                           .client = client,
                           .reply_space = space_,
                           .token = 77,
                           .reply_size = {}};
    handler.handle_burst(1, {&message, 1});
    return message;
  }

  Probe probe_;
  HandlerRuntime runtime_{{0, 0}, 4};
  std::array<std::uint8_t, kReplySizeMax> space_{};
};

TEST_F(LibraryHandlerTest, HasTheTraitsThatTheLibraryDeclares) {
  const auto handler = make();
  const HandlerTraits& traits = handler->traits();
  EXPECT_EQ(traits.name, "probe");
  EXPECT_EQ(traits.version, 1U);
  EXPECT_EQ(traits.reply_size_max, 100U);
  EXPECT_TRUE(traits.replies && traits.answers_later);
  EXPECT_FALSE(traits.reply_is_pure || traits.needs_client);
  EXPECT_EQ(Bytes(handler->types().begin(), handler->types().end()), (Bytes{1, 2}));
  EXPECT_FALSE(make("probe_silent")->traits().replies);
  EXPECT_EQ(make("probe_silent")->traits().reply_size_max, 0U);
  EXPECT_TRUE(make("probe_pure")->traits().reply_is_pure);
  EXPECT_TRUE(make("probe_of_clients")->traits().needs_client);
  EXPECT_EQ(make("probe_2")->traits().version, 2U);
}

TEST_F(LibraryHandlerTest, InitGetsTheServerAndItsOptions) {
  const auto handler = make();
  ASSERT_TRUE(probe_.server);
  EXPECT_EQ(probe_.server->service(), "under-test");
  EXPECT_EQ(probe_.server->workers(), 2U);
  EXPECT_EQ(probe_.server->deadline_ms(), 1000U);
  EXPECT_EQ(probe_.server->option("probe"), probe_.option());
  EXPECT_FALSE(probe_.server->option("nothing"));
}

TEST_F(LibraryHandlerTest, WhatInitSaysIsTheError) {
  LibrarySettings settings = probe_settings(probe_);
  settings.options.clear();
  const auto made = LibraryHandler::create(settings, &runtime_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().what, "its handler could not start: option probe is missing");
  EXPECT_TRUE(probe_.seen().empty());
}

TEST_F(LibraryHandlerTest, OnlyToLookAtItRunsNothingOfIt) {
  const auto made = LibraryHandler::create(probe_settings(probe_), nullptr);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->traits().name, "probe");
  EXPECT_TRUE(probe_.seen().empty());
}

TEST_F(LibraryHandlerTest, LivesFromInitToFini) {
  auto handler = make();
  EXPECT_TRUE(handler->start(1));
  EXPECT_TRUE(handler->in_use());
  handler->finish(1);
  EXPECT_FALSE(handler->in_use());
  handler.reset();
  EXPECT_EQ(probe_.seen(),
            (std::vector<std::string>{"init", "worker_init 1", "worker_fini 1", "fini"}));
}

TEST_F(LibraryHandlerTest, AWorkerThatItDidNotStartAtGetsNoAnswer) {
  probe_.worker_init_fails = true;
  const auto handler = make();
  EXPECT_FALSE(handler->start(1));
  probe_.handle = [](std::span<library::Message>) { FAIL() << "called"; };
  EXPECT_EQ(call(*handler, {1}).drop, DropReason::kHandlerUnavailable);
  EXPECT_TRUE(handler->in_use());
  handler->finish(1);
  EXPECT_FALSE(handler->in_use());
  EXPECT_FALSE(probe_.saw("worker_fini 1"));
}

TEST_F(LibraryHandlerTest, TheLibrarySeesMessageClientAndSpace) {
  const auto handler = make();
  ASSERT_TRUE(handler->start(1));
  Identity client;
  client.public_key.fill(9);
  const Bytes metadata{4, 5, 6};
  client.metadata = metadata;
  probe_.handle = [&](std::span<library::Message> messages) {
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].text(), "abc");
    EXPECT_EQ(messages[0].suite(), kSuiteF002);
    EXPECT_EQ(messages[0].token(), 77U);
    EXPECT_EQ(messages[0].reply_space().size(), 100U);
    EXPECT_EQ(messages[0].reply_space().data(), space_.data());
    EXPECT_EQ(Bytes(messages[0].client_key().begin(), messages[0].client_key().end()),
              Bytes(32, 9));
    EXPECT_EQ(Bytes(messages[0].metadata().begin(), messages[0].metadata().end()), metadata);
    messages[0].reply("ok");
  };
  EXPECT_EQ(call(*handler, {'a', 'b', 'c'}, &client).reply_size, 2U);
  EXPECT_EQ(space_[0], 'o');
  probe_.handle = [](std::span<library::Message> messages) {
    EXPECT_TRUE(messages[0].client_key().empty());
    EXPECT_TRUE(messages[0].metadata().empty());
    EXPECT_TRUE(messages[0].bytes().empty());
  };
  EXPECT_FALSE(call(*handler, {}).reply_size);
  handler->finish(1);
}

TEST_F(LibraryHandlerTest, ResultsBecomeWhatTheServerKnows) {
  const auto handler = make();
  ASSERT_TRUE(handler->start(1));
  const auto result = [&](auto&& handle) {
    probe_.handle = [&](std::span<library::Message> messages) { handle(messages[0]); };
    return call(*handler, {1});
  };
  EXPECT_EQ(result([](library::Message& m) { m.reply_size(0); }).reply_size, 0U);
  EXPECT_EQ(result([](library::Message& m) { m.reply_size(101); }).reply_size, 101U);
  EXPECT_EQ(result([](library::Message& m) { m.reply(Bytes(2000, 1)); }).reply_size, 2000U);
  EXPECT_EQ(space_[0], 0) << "a reply that does not fit was written";
  EXPECT_FALSE(result([](library::Message& m) { m.no_reply(); }).reply_size);
  const HandlerMessage later = result([](library::Message& m) { m.later(); });
  EXPECT_TRUE(later.later);
  EXPECT_FALSE(later.reply_size);
  const HandlerMessage bogus =
      result([](library::Message& m) { reinterpret_cast<pssst_message&>(m).result = -3; });
  EXPECT_EQ(bogus.drop, DropReason::kHandlerMisbehaved);
  handler->finish(1);
}

TEST_F(LibraryHandlerTest, WhatItWroteAndDoesNotSendIsWiped) {
  const auto handler = make();
  ASSERT_TRUE(handler->start(1));
  for (const std::int32_t result : {PSSST_NO_REPLY, PSSST_LATER, -3}) {
    probe_.handle = [&](std::span<library::Message> messages) {
      std::ranges::fill(messages[0].reply_space(), std::uint8_t{'s'});
      reinterpret_cast<pssst_message&>(messages[0]).result = result;
    };
    static_cast<void>(call(*handler, {1}));
    EXPECT_EQ(std::ranges::count(space_, 's'), 0) << result;
  }
  handler->finish(1);
}

TEST_F(LibraryHandlerTest, AnswersAreCheckedBeforeTheyGoAnywhere) {
  const auto handler = attach_probe(probe_, runtime_);
  const std::uint64_t token = LaterToken{.worker = 1, .place = 2, .generation = 3}.pack();
  const library::Server& server = *probe_.server;
  EXPECT_EQ(server.answer(token, Bytes(101)), PSSST_REPLY_TOO_LONG);
  EXPECT_EQ(server.answer(0, "x"), PSSST_NO_SUCH_TOKEN);
  EXPECT_EQ(server.answer(LaterToken{.worker = 2, .place = 0, .generation = 1}.pack(), "x"),
            PSSST_NO_SUCH_TOKEN);
  EXPECT_FALSE(runtime_.answers(1).front());
  EXPECT_EQ(server.answer(token, "hello"), PSSST_ANSWERED);
  const auto answer = runtime_.answers(1).front();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->token, token);
  EXPECT_EQ(answer->handler, handler->place());
  EXPECT_TRUE(answer->has_reply);
  EXPECT_EQ(std::string(answer->reply.begin(), answer->reply.end()), "hello");
  runtime_.answers(1).pop();
  EXPECT_EQ(server.answer_nothing(token), PSSST_ANSWERED);
  EXPECT_FALSE(runtime_.answers(1).front()->has_reply);
  runtime_.answers(1).close();
  EXPECT_EQ(server.answer(token, "x"), PSSST_NO_SUCH_TOKEN);
}

TEST_F(LibraryHandlerTest, OneThatNeverRepliesHasOnlyNothingToAnswer) {
  const auto handler = attach_probe(probe_, runtime_, "probe_silent");
  const std::uint64_t token = LaterToken{.worker = 0, .place = 0, .generation = 1}.pack();
  EXPECT_EQ(probe_.server->answer(token, ""), PSSST_REPLY_TOO_LONG);
  EXPECT_EQ(probe_.server->answer_nothing(token), PSSST_ANSWERED);
}

}  // namespace
}  // namespace pssst::server
