/// A handler that does what its messages say, for tests over the wire:
///
///     now TEXT, later MS TEXT, twice TEXT, wrong TEXT, never, nothing, long, bogus
///
/// Replies begin with the library's version: "2:TEXT". Later ones come from a thread.
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "pssst/handler_library.hpp"

#ifndef SCRIPTED_FLAGS
#define SCRIPTED_FLAGS (library::kAnswersLater)
#endif
#ifndef SCRIPTED_VERSION
#define SCRIPTED_VERSION 1
#endif

namespace {

namespace library = pssst::library;
using Clock = std::chrono::steady_clock;

/// Cuts the first word off.
std::string_view take_word(std::string_view& text) {
  const std::size_t size = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return word;
}

class Scripted {
 public:
  static constexpr library::Traits kTraits{.name = "scripted",
                                           .version = SCRIPTED_VERSION,
                                           .flags = SCRIPTED_FLAGS,
                                           .reply_size_max = 100};

  explicit Scripted(const library::Server& server)
      : server_(server), thread_([this] { answer_when_due(); }) {}
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;
  ~Scripted() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void handle(library::Message& message) {
    std::string_view text = message.text();
    const std::string_view word = take_word(text);
    if (word == "now") return message.reply(reply_of(text));
    if (word == "long") return message.reply_size(kTraits.reply_size_max + 1);
    // What the wrapper has no word for.
    if (word == "bogus") reinterpret_cast<pssst_message&>(message).result = -7;
    if (word == "nothing" || word == "bogus") return;
    const std::uint64_t token = message.later();
    int ms = 0;
    if (word == "later") {
      const std::string_view number = take_word(text);
      std::from_chars(number.data(), number.data() + number.size(), ms);
    }
    if (word == "wrong") answer_later(0, token + 1, "stolen");
    if (word != "never") answer_later(ms, token, reply_of(text));
    if (word == "twice") answer_later(ms, token, "again");
  }

 private:
  static std::string reply_of(std::string_view text) {
    return std::to_string(SCRIPTED_VERSION) + ":" + std::string(text);
  }

  void answer_later(int ms, std::uint64_t token, std::string text) {
    {
      const std::lock_guard lock(mutex_);
      due_.emplace(Clock::now() + std::chrono::milliseconds(ms), std::pair(token, std::move(text)));
    }
    changed_.notify_all();
  }

  void answer_when_due() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      if (due_.empty()) {
        changed_.wait(lock);
      } else if (due_.begin()->first > Clock::now()) {
        changed_.wait_until(lock, due_.begin()->first);
      } else {
        const auto& [token, text] = due_.begin()->second;
        while (server_.answer(token, text) == PSSST_BUSY) std::this_thread::yield();
        due_.erase(due_.begin());
      }
    }
  }

  const library::Server server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, std::pair<std::uint64_t, std::string>> due_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace

PSSST_LIBRARY_HANDLER(Scripted)
