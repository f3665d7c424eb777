/// What the test library `probe` shares with the test that loads it: it runs in the same process,
/// and the option "probe" is the address of this.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "pssst/handler_library.hpp"

namespace pssst::server {

struct Probe {
  /// "init", "worker_init 0", "worker_fini 0", "fini", in the order in which they came.
  void note(std::string event) {
    const std::lock_guard lock(mutex);
    events.emplace_back(std::move(event), std::this_thread::get_id());
  }
  [[nodiscard]] std::vector<std::string> seen() {
    const std::lock_guard lock(mutex);
    std::vector<std::string> names;
    for (const auto& [name, thread] : events) names.push_back(name);
    return names;
  }
  [[nodiscard]] bool saw(std::string_view name) {
    for (const std::string& event : seen()) {
      if (event == name) return true;
    }
    return false;
  }
  /// Of the first such event.
  [[nodiscard]] std::optional<std::thread::id> thread_of(std::string_view name) {
    const std::lock_guard lock(mutex);
    for (const auto& [event, thread] : events) {
      if (event == name) return thread;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string option() const {
    return std::to_string(reinterpret_cast<std::uintptr_t>(this));
  }
  static Probe* at(std::string_view option) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): option() made it of this pointer
    return reinterpret_cast<Probe*>(std::strtoull(std::string(option).c_str(), nullptr, 10));
  }

  /// Null: no replies.
  std::function<void(std::span<library::Message>)> handle;
  std::optional<library::Server> server;  ///< once init was called
  bool worker_init_fails = false;

  std::mutex mutex;
  std::vector<std::pair<std::string, std::thread::id>> events;
};

}  // namespace pssst::server
