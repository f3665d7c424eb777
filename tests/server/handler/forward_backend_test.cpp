#include "server/handler/forward_backend.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/tsc.hpp"
#include "identity/temporary_folder.hpp"
#include "server/handler/backend_socket.hpp"

namespace pssst::server {
namespace {

std::uint64_t ms(std::uint64_t n) {
  return n * base::tsc_hz() / 1000;
}

class ForwardBackend : public testing::Test {
 protected:
  const identity::TemporaryFolder folder_;
  const std::string path_ = folder_.path("backend.sock");
  Backend backend_{path_};
};

TEST_F(ForwardBackend, IsUsableOnceItsSocketIsThere) {
  backend_.look(ms(1000));
  EXPECT_EQ(backend_.room(), 0U);
  EXPECT_EQ(backend_.fd(), -1);
  const BackendSocket socket(path_);
  backend_.look(ms(1000) + ms(Backend::kRetryMinMs) - 1);
  EXPECT_EQ(backend_.room(), 0U) << "tried too soon";
  backend_.look(ms(1000) + ms(Backend::kRetryMinMs));
  EXPECT_GT(backend_.room(), 1000U);
  EXPECT_GE(backend_.fd(), 0);
  EXPECT_EQ(backend_.counters().usable.read(), 1U);
  EXPECT_EQ(backend_.counters().ejected.read(), 0U);
}

TEST_F(ForwardBackend, MayHaveANameThatIsNoPath) {
  const std::string name = "pssst-test-" + std::to_string(::getpid());
  Backend named("@" + name);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, name.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
            0);
  named.look(ms(1));
  EXPECT_GT(named.room(), 0U);
  ::close(fd);
}

TEST_F(ForwardBackend, IsEjectedWhenRequestsExpireInARow) {
  const BackendSocket socket(path_);
  backend_.look(ms(1));
  backend_.sent(20);
  for (std::uint64_t i = 1; i < Backend::kExpiredInARow; ++i) backend_.expired(0, ms(2));
  backend_.answered();
  for (std::uint64_t i = 1; i < Backend::kExpiredInARow; ++i) backend_.expired(0, ms(2));
  EXPECT_GT(backend_.room(), 1U) << "an answer came between them";
  backend_.expired(0, ms(2));
  EXPECT_EQ(backend_.room(), 0U);
  EXPECT_EQ(backend_.counters().ejected.read(), 1U);
  EXPECT_EQ(backend_.counters().usable.read(), 0U);
  EXPECT_EQ(backend_.counters().expired.read(), 2 * Backend::kExpiredInARow - 1);
}

TEST_F(ForwardBackend, IsReadmittedWhenItAnswersOneRequest) {
  const BackendSocket socket(path_);
  backend_.look(ms(1));
  for (std::uint64_t i = 0; i < Backend::kExpiredInARow; ++i) backend_.expired(0, ms(1000));
  backend_.look(ms(1000) + ms(Backend::kRetryMinMs) - 1);
  EXPECT_EQ(backend_.room(), 0U);
  backend_.look(ms(1000) + ms(Backend::kRetryMinMs));
  EXPECT_EQ(backend_.room(), 1U);
  backend_.sent(1);
  EXPECT_EQ(backend_.room(), 0U);
  // One of those that were sent before it was ejected tells nothing.
  backend_.expired(0, ms(1200));
  backend_.look(ms(1200));
  EXPECT_EQ(backend_.counters().usable.read(), 0U);
  backend_.answered();
  EXPECT_GT(backend_.room(), 1U);
  EXPECT_EQ(backend_.counters().readmitted.read(), 1U);
}

TEST_F(ForwardBackend, IsTriedLessAndLessOften) {
  const BackendSocket socket(path_);
  backend_.look(ms(1));
  std::uint64_t now = ms(1000);
  for (std::uint64_t i = 0; i < Backend::kExpiredInARow; ++i) backend_.expired(0, now);
  std::uint64_t wait = Backend::kRetryMinMs;
  for (int trial = 0; trial < 8; ++trial) {
    backend_.look(now + ms(wait) - 1);
    ASSERT_EQ(backend_.room(), 0U) << trial;
    now += ms(wait);
    backend_.look(now);
    ASSERT_EQ(backend_.room(), 1U) << trial;
    backend_.sent(1);
    backend_.expired(backend_.epoch(), now);
    wait = std::min(2 * wait, Backend::kRetryMaxMs);
  }
  EXPECT_EQ(wait, Backend::kRetryMaxMs);
}

TEST_F(ForwardBackend, IsEjectedWhenItsSocketTakesNothingForAsLongAsRequestsAreAwaited) {
  const BackendSocket socket(path_);
  backend_.look(ms(1));
  backend_.full(ms(10), ms(50));
  backend_.full(ms(59), ms(50));
  EXPECT_GT(backend_.room(), 1U);
  backend_.sent(1);
  backend_.full(ms(60), ms(50));
  backend_.full(ms(109), ms(50));
  EXPECT_GT(backend_.room(), 1U) << "it took one meanwhile";
  backend_.full(ms(110), ms(50));
  EXPECT_EQ(backend_.room(), 0U);
  EXPECT_EQ(backend_.counters().ejected.read(), 1U);
  EXPECT_EQ(backend_.counters().full.read(), 5U);
  backend_.look(ms(110) + ms(Backend::kRetryMinMs));
  EXPECT_EQ(backend_.room(), 1U);
  backend_.full(ms(300), ms(50));
  EXPECT_EQ(backend_.room(), 0U) << "on trial";
  EXPECT_EQ(backend_.counters().ejected.read(), 1U);
}

TEST_F(ForwardBackend, AfterATrialInVainItsPathIsLookedAtAnew) {
  // Still open, say in a child of the backend that was started anew; nobody reads it.
  const BackendSocket left(path_);
  backend_.look(ms(1));
  for (std::uint64_t i = 0; i < Backend::kExpiredInARow; ++i) backend_.expired(0, ms(1000));
  BackendSocket next(path_);
  backend_.look(ms(2000));
  ASSERT_EQ(backend_.room(), 1U);
  const std::uint64_t before = backend_.incarnation();
  backend_.sent(1);
  backend_.expired(backend_.epoch(), ms(3000));
  backend_.look(ms(10'000));
  ASSERT_EQ(backend_.room(), 1U);
  EXPECT_NE(backend_.incarnation(), before);
  const std::string request(kForwardRequestHeaderSize, 'x');
  EXPECT_EQ(::send(backend_.fd(), request.data(), request.size(), MSG_DONTWAIT),
            static_cast<ssize_t>(request.size()));
  EXPECT_TRUE(next.receive());
}

TEST_F(ForwardBackend, AfterATrialThatItsSocketHadNoRoomForLikewise) {
  const BackendSocket left(path_);
  backend_.look(ms(1));
  backend_.full(ms(10), ms(50));
  backend_.full(ms(60), ms(50));
  const BackendSocket next(path_);
  backend_.look(ms(1000));
  const std::uint64_t before = backend_.incarnation();
  backend_.full(ms(1000), ms(50));
  backend_.look(ms(10'000));
  EXPECT_EQ(backend_.room(), 1U);
  EXPECT_NE(backend_.incarnation(), before);
}

TEST_F(ForwardBackend, OneThatWentAwayIsConnectedAgain) {
  auto socket = std::make_unique<BackendSocket>(path_);
  backend_.look(ms(1));
  const std::uint64_t before = backend_.incarnation();
  socket.reset();
  backend_.gone(ms(10));
  EXPECT_EQ(backend_.fd(), -1);
  EXPECT_EQ(backend_.room(), 0U);
  backend_.look(ms(10) + ms(Backend::kRetryMinMs));
  EXPECT_EQ(backend_.room(), 0U) << "nobody is there";
  const BackendSocket again(path_);
  backend_.look(ms(10) + ms(10 * Backend::kRetryMaxMs));
  EXPECT_EQ(backend_.room(), 1U);
  EXPECT_GT(backend_.incarnation(), before);
}

}  // namespace
}  // namespace pssst::server
