#include "server/handler/forward_handler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "identity/temporary_folder.hpp"
#include "server/handler/backend_socket.hpp"
#include "server/handler/later_token.hpp"
#include "server/libraries/test_libraries.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

class ForwardHandlerTest : public testing::Test {
 protected:
  std::shared_ptr<const AttachedHandler> make(const LaterLimits& limits = {}) {
    auto made = ForwardHandler::create({path_}, limits, &runtime_);
    EXPECT_TRUE(made);
    auto attached = runtime_.attach(*std::move(made));
    EXPECT_TRUE(attached);
    return *std::move(attached);
  }

  static std::uint64_t token(std::size_t worker, std::uint64_t generation) {
    return LaterToken{.worker = worker, .place = 0, .generation = generation}.pack();
  }

  HandlerMessage call(const AttachedHandler& handler, std::size_t worker,
                      std::uint64_t generation = 1) {
    HandlerMessage message{.message = text_,
                           .suite = kSuiteF002,
                           .token = token(worker, generation),
                           .reply_size = {}};
    handler.handle_burst(worker, {&message, 1});
    return message;
  }

  std::optional<BackendSocket::Request> next_request(BackendSocket& socket) {
    std::optional<BackendSocket::Request> request;
    EXPECT_TRUE(eventually([&] { return (request = socket.receive()).has_value(); }));
    return request;
  }

  const identity::TemporaryFolder folder_;
  const std::string path_ = folder_.path("backend.sock");
  const Bytes text_{'h', 'e', 'l', 'l', 'o'};
  HandlerRuntime runtime_{{0, 0}, 16};
};

TEST_F(ForwardHandlerTest, DeclaresThatItsRepliesVaryAndComeLater) {
  const auto made = ForwardHandler::create({path_}, {}, nullptr);
  ASSERT_TRUE(made);
  const HandlerTraits& traits = (*made)->traits();
  EXPECT_EQ(traits.name, "forward");
  EXPECT_TRUE(traits.replies && traits.answers_later);
  EXPECT_FALSE(traits.reply_is_pure || traits.needs_client);
  EXPECT_EQ(traits.reply_size_max, kReplySizeMax);
}

TEST_F(ForwardHandlerTest, CarriesMessagesThereAndAnswersBackToTheirWorkers) {
  BackendSocket socket(path_);
  const auto handler = make();
  for (const std::size_t worker : {0U, 1U}) {
    EXPECT_TRUE(handler->start(worker));
    EXPECT_TRUE(call(*handler, worker).later);
    const auto request = next_request(socket);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->message(), "hello");
    socket.reply(*request, "answer " + std::to_string(worker));
    std::optional<Answer> answer;
    EXPECT_TRUE(
        eventually([&] { return (answer = runtime_.answers(worker).front()).has_value(); }));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->token, token(worker, 1));
    EXPECT_EQ(answer->handler, handler->place());
    EXPECT_EQ(std::string(answer->reply.begin(), answer->reply.end()),
              "answer " + std::to_string(worker));
    runtime_.answers(worker).pop();
    handler->finish(worker);
  }
}

TEST_F(ForwardHandlerTest, SaysThatNobodyIsThere) {
  const auto handler = make();
  // Once the thread has looked, a worker knows it, too.
  std::uint64_t generation = 0;
  std::uint64_t later = 0;
  EXPECT_TRUE(eventually([&] {
    const HandlerMessage message = call(*handler, 0, ++generation);
    if (message.later) ++later;
    return !message.later && message.drop == DropReason::kHandlerUnavailable;
  }));
  for (std::uint64_t i = 1; i <= later; ++i) {
    std::optional<Answer> answer;
    EXPECT_TRUE(eventually([&] { return (answer = runtime_.answers(0).front()).has_value(); }));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->token, token(0, i));
    EXPECT_EQ(answer->drop, DropReason::kHandlerUnavailable);
    runtime_.answers(0).pop();
  }
  EXPECT_FALSE(runtime_.answers(0).front());
}

TEST_F(ForwardHandlerTest, AWorkerNeverWaitsForTheThreadThatForwards) {
  // Nobody reads: the socket is full, then the ring.
  const BackendSocket stalled(path_);
  const auto handler = make({.deadline = std::chrono::milliseconds(60'000), .in_flight = 64});
  std::uint64_t generation = 1;
  bool full = false;
  for (; generation < 4000 && !full; ++generation) {
    full = call(*handler, 0, generation).drop == DropReason::kHandlerUnavailable;
  }
  EXPECT_TRUE(full);
}

TEST_F(ForwardHandlerTest, ABackendMayComeLater) {
  const auto handler = make();
  std::uint64_t generation = 0;
  EXPECT_TRUE(eventually([&] { return !call(*handler, 0, ++generation).later; }));
  BackendSocket socket(path_);
  EXPECT_TRUE(eventually([&] {
    call(*handler, 0, ++generation);
    const auto request = socket.receive();
    if (request) socket.reply(*request, "here");
    const auto answer = runtime_.answers(0).front();
    if (!answer) return false;
    const bool good = answer->has_reply;
    runtime_.answers(0).pop();
    return good;
  }));
}

}  // namespace
}  // namespace pssst::server
