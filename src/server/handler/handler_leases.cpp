#include "server/handler/handler_leases.hpp"

#include "base/assert.hpp"

namespace pssst::server {

bool HandlerLeases::take(const Snapshot& snapshot) noexcept {
  bool all_started = true;
  snapshot_ = snapshot.serial();
  in_snapshot_.fill(false);
  for (const AttachedHandler* handler : snapshot.attached()) {
    const std::size_t place = handler->place();
    in_snapshot_[place] = true;
    if (handlers_[place] == handler) continue;
    PSSST_ASSERT(handlers_[place] == nullptr);
    handlers_[place] = handler;
    all_started = handler->start(worker_) && all_started;
  }
  unused_ = 0;
  for (std::size_t place = 0; place < handlers_.size(); ++place) {
    if (handlers_[place] != nullptr && !in_snapshot_[place]) ++unused_;
  }
  return all_started;
}

void HandlerLeases::finish_those_of(Awaited awaited) noexcept {
  for (std::size_t place = 0; place < handlers_.size(); ++place) {
    if (handlers_[place] == nullptr || in_snapshot_[place] || awaited[place] > 0) continue;
    finish(place);
    --unused_;
  }
}

void HandlerLeases::finish(std::size_t place) noexcept {
  handlers_[place]->finish(worker_);
  handlers_[place] = nullptr;
}

void HandlerLeases::finish_all() noexcept {
  for (std::size_t place = 0; place < handlers_.size(); ++place) {
    if (handlers_[place] != nullptr) finish(place);
  }
  unused_ = 0;
  snapshot_ = 0;
}

}  // namespace pssst::server
