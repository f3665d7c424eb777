#include "identity/client_directory.hpp"

#include <algorithm>
#include <utility>

#include "base/coarse_clock.hpp"

namespace pssst::identity {

ClientDirectory::ClientDirectory(base::Quiescence& readers)
    : readers_(readers), owned_(std::make_unique<ShardedTable>()), table_(owned_.get()) {}

ClientDirectory::~ClientDirectory() = default;

void ClientDirectory::find(std::span<const std::uint8_t* const> keys,
                           std::span<FoundClient> found) const noexcept {
  if (!serving()) {
    std::ranges::fill(found, FoundClient{.drop = DropReason::kClientsUnavailable});
    return;
  }
  table_.load(std::memory_order_acquire)->find(keys, base::unix_seconds_coarse(), found);
}

std::size_t ClientDirectory::walk(Cursor& cursor, std::span<Identity> clients) const noexcept {
  // Read before the table: at worst the walk begins anew once more.
  const std::uint64_t generation = generation_.load(std::memory_order_acquire);
  if (cursor.generation != generation) cursor = {.generation = generation, .place = {}};
  if (!serving()) return 0;
  return table_.load(std::memory_order_acquire)
      ->walk(cursor.place, base::unix_seconds_coarse(), clients);
}

void ClientDirectory::serve(bool on) noexcept {
  ever_served_ = ever_served_ || on;
  serving_.store(on, std::memory_order_release);
}

void ClientDirectory::wait_for_readers() noexcept {
  // Who finds that nobody is served looks at no table.
  if (ever_served_) readers_.wait();
}

void ClientDirectory::settle() {
  wait_for_readers();
  owned_->reclaim();
}

void ClientDirectory::replace(std::unique_ptr<ShardedTable> table) {
  std::swap(owned_, table);
  table_.store(owned_.get(), std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_acq_rel);
  wait_for_readers();
}

}  // namespace pssst::identity
