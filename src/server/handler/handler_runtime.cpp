#include "server/handler/handler_runtime.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "server/cpus.hpp"
#include "server/handler/later_token.hpp"

namespace pssst::server {
namespace {

/// How often the keeper looks whether workers have finished what was retired.
constexpr std::chrono::milliseconds kLookEvery{5};

std::vector<unsigned> cpus_but(const std::vector<unsigned>& taken) {
  std::vector<unsigned> left;
  for (const unsigned cpu : allowed_cpus()) {
    if (std::ranges::find(taken, cpu) == taken.end()) left.push_back(cpu);
  }
  return left;
}

}  // namespace

HandlerRuntime::HandlerRuntime(const std::vector<unsigned>& worker_cpus,
                               std::size_t later_replies_max)
    : workers_(worker_cpus.size()),
      later_replies_max_(later_replies_max),
      other_cpus_(cpus_but(worker_cpus)) {
  PSSST_ASSERT(workers_ <= LaterToken::kWorkersMax);
  if (later_replies_max_ == 0) return;
  for (std::size_t i = 0; i < workers_; ++i) queues_.push_back(std::make_unique<AnswerQueue>());
}

HandlerRuntime::~HandlerRuntime() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (keeper_.joinable()) keeper_.join();
}

bool HandlerRuntime::is_free(const Entry& entry) noexcept {
  return entry.handler == nullptr;
}

base::Result<std::shared_ptr<const AttachedHandler>> HandlerRuntime::attach(
    std::unique_ptr<AttachedHandler> handler) {
  const std::string where = "handler " + std::string(handler->traits().name);
  if (handler->traits().answers_later && later_replies_max_ == 0) {
    return base::fail("it answers later, and the server was started without such handlers", where,
                      "restart it");
  }
  const std::lock_guard lock(mutex_);
  auto* const free = std::ranges::find_if(entries_, is_free);
  if (free == entries_.end()) {
    return base::fail(
        "more than " + std::to_string(kHandlersMax) + " handlers that are not built in",
        "handler " + std::string(handler->traits().name),
        "give them to several servers; after a reload, wait until the replaced ones "
        "have answered");
  }
  if (!keeper_.joinable()) {
    try {
      const OffWorkers off(*this);
      keeper_ = std::thread([this] { keep(); });
    } catch (const std::system_error& error) {
      return base::fail(std::string("cannot start a thread: ") + error.what(), "handlers",
                        "raise the limit of tasks (ulimit -u)");
    }
  }
  const auto place = static_cast<std::size_t>(free - entries_.begin());
  handler->set_place(place);
  *free = {.handler = std::move(handler)};
  return std::shared_ptr<const AttachedHandler>(
      free->handler.get(), [this, place = place](const AttachedHandler*) { retire(place); });
}

void HandlerRuntime::retire(std::size_t place) noexcept {
  {
    const std::lock_guard lock(mutex_);
    entries_.at(place).retired = true;
  }
  changed_.notify_all();
}

std::unique_ptr<AttachedHandler> HandlerRuntime::take_unused() {
  for (Entry& entry : entries_) {
    if (entry.handler == nullptr) continue;
    if (!stop_ && (!entry.retired || entry.handler->in_use())) continue;
    entry.retired = false;
    return std::move(entry.handler);
  }
  return nullptr;
}

void HandlerRuntime::keep() {
  pthread_setname_np(pthread_self(), "pssst-handlers");
  std::unique_lock lock(mutex_);
  for (;;) {
    if (auto unused = take_unused(); unused != nullptr) {
      lock.unlock();
      unused.reset();  // may take its time: it ends threads
      lock.lock();
      continue;
    }
    const auto retired = std::ranges::count(entries_, true, &Entry::retired);
    if (stop_) return;
    if (retired > 0) {
      changed_.wait_for(lock, kLookEvery);
    } else {
      changed_.wait(lock);
    }
  }
}

std::int32_t HandlerRuntime::answer(const Answer& answer) noexcept {
  const LaterToken to = LaterToken::unpack(answer.token);
  if (to.worker >= queues_.size() || to.generation == 0) return PSSST_NO_SUCH_TOKEN;
  switch (queues_[to.worker]->put(answer)) {
    case AnswerQueue::Put::kDone:
      return PSSST_ANSWERED;
    case AnswerQueue::Put::kFull:
      return PSSST_BUSY;
    case AnswerQueue::Put::kClosed:
      break;
  }
  return PSSST_NO_SUCH_TOKEN;
}

std::size_t HandlerRuntime::attached() const {
  const std::lock_guard lock(mutex_);
  return entries_.size() - static_cast<std::size_t>(std::ranges::count_if(entries_, is_free));
}

HandlerRuntime::OffWorkers::OffWorkers(const HandlerRuntime& runtime) {
  if (runtime.other_cpus_.empty()) return;
  std::vector<unsigned> before = allowed_cpus();
  if (allow_this_thread(runtime.other_cpus_)) before_ = std::move(before);
}

HandlerRuntime::OffWorkers::~OffWorkers() {
  allow_this_thread(before_);
}

}  // namespace pssst::server
