#include "server/start_gate.hpp"

#include <utility>

namespace pssst::server {

void StartGate::report(base::Result<void> started) {
  const std::lock_guard lock(mutex_);
  ++reports_;
  if (!started && result_) result_ = std::move(started);
  reported_.notify_all();
}

base::Result<void> StartGate::wait(std::size_t workers) {
  std::unique_lock lock(mutex_);
  reported_.wait(lock, [&] { return reports_ >= workers; });
  return result_;
}

}  // namespace pssst::server
