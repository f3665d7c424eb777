#include "server/handler/forward_handler.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/tsc.hpp"
#include "pssst/wire.hpp"

namespace pssst::server {
namespace {

/// A request that comes while the thread waits is sent when that is over; an answer ends it, so a
/// slow backend is awaited as patiently as none.
constexpr std::chrono::microseconds kWaitInTraffic{20};
constexpr std::chrono::microseconds kWaitIdle{1000};
/// Without traffic for so long it is idle.
constexpr std::uint64_t kTrafficMs = 10;
/// A worker takes a queue full of answers in a loop or two, a millisecond each.
constexpr std::uint64_t kAnswerMs = 50;

std::uint64_t ticks_of(std::uint64_t milliseconds) noexcept {
  return milliseconds * base::tsc_hz() / 1000;
}

}  // namespace

ForwardHandler::ForwardHandler(const std::vector<std::string>& backends, const LaterLimits& limits,
                               HandlerRuntime* runtime)
    : AttachedHandler(runtime == nullptr ? 0 : runtime->workers(), limits),
      runtime_(runtime),
      traits_{.name = "forward",
              .reply_is_pure = false,
              .replies = true,
              .reply_size_max = kReplySizeMax,
              .answers_later = true},
      deadline_ticks_(ticks_of(static_cast<std::uint64_t>(limits.deadline.count()))),
      client_(backends, std::max<std::size_t>(workers(), 1) * limits.in_flight, deadline_ticks_,
              *this) {
  for (std::size_t i = 0; i < workers(); ++i) {
    rings_.push_back(std::make_unique<ForwardRing>(std::max<std::size_t>(limits.in_flight, 64)));
  }
}

base::Result<std::unique_ptr<ForwardHandler>> ForwardHandler::create(
    const std::vector<std::string>& backends, const LaterLimits& limits, HandlerRuntime* runtime) {
  std::unique_ptr<ForwardHandler> made(new ForwardHandler(backends, limits, runtime));
  if (runtime == nullptr) return made;
  try {
    const HandlerRuntime::OffWorkers off(*runtime);
    made->thread_ = std::thread([handler = made.get()] { handler->run(); });
  } catch (const std::system_error& error) {
    return base::fail(std::string("cannot start a thread: ") + error.what(), "handler forward",
                      "raise the limit of tasks (ulimit -u)");
  }
  return made;
}

ForwardHandler::~ForwardHandler() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void ForwardHandler::handle_burst(std::size_t worker,
                                  std::span<HandlerMessage> messages) const noexcept {
  const std::uint64_t deadline = base::read_tsc() + deadline_ticks_;
  const bool any_usable = any_usable_.load(std::memory_order_relaxed);
  for (HandlerMessage& message : messages) {
    if (any_usable && rings_[worker]->put(message, deadline)) {
      message.later = true;
    } else {
      message.drop = DropReason::kHandlerUnavailable;
    }
  }
}

void ForwardHandler::answer(const Answer& answer) noexcept {
  Answer own = answer;
  own.handler = place();
  const std::uint64_t until = base::read_tsc() + ticks_of(kAnswerMs);
  while (runtime_->answer(own) == PSSST_BUSY && base::read_tsc() < until) {
    std::this_thread::yield();
  }
}

bool ForwardHandler::send_waiting(std::uint64_t now) noexcept {
  bool any = false;
  for (const auto& ring : rings_) {
    if (ring->waiting() > 0) any = client_.send(*ring, now) || any;
  }
  return any;
}

void ForwardHandler::run() noexcept {
  pthread_setname_np(pthread_self(), "pssst-forward");
  std::uint64_t last_traffic = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint64_t now = base::read_tsc();
    client_.look(now);
    any_usable_.store(client_.any_usable(), std::memory_order_relaxed);
    const bool sent = send_waiting(now);
    const bool received = client_.receive(now);
    if (sent || received) {
      last_traffic = now;
    } else {
      const bool idle = now - last_traffic > ticks_of(kTrafficMs);
      client_.wait(idle ? kWaitIdle : kWaitInTraffic);
    }
  }
}

}  // namespace pssst::server
