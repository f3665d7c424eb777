/// The enrolled clients as all workers see them: a table that one thread changes, or replaces.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/quiescence.hpp"
#include "identity/sharded_table.hpp"
#include "pssst/server.hpp"

namespace pssst::identity {

/// Workers call find() and walk(), between two quiescent points of theirs (in a server those of its
/// published snapshots: Published::read() at the top of each loop is one); one other thread, the
/// Follower's, calls the rest. At first it serves nobody.
class ClientDirectory final : public ClientLookup {
 public:
  /// `readers`: the workers' quiescent points; outlives it.
  explicit ClientDirectory(base::Quiescence& readers);
  /// No reader may be at work.
  ~ClientDirectory() override;

  // For workers.

  /// At the time of base::unix_seconds_coarse(). Everybody is kClientsUnavailable while nobody is
  /// served.
  void find(std::span<const std::uint8_t* const> keys,
            std::span<FoundClient> found) const noexcept override;

  /// A place between clients, for one reader.
  struct Cursor {
    std::uint64_t generation = 0;
    ShardedTable::Cursor place;
  };
  /// ShardedTable::walk() at the current time; from the beginning if the table was replaced, and
  /// nowhere while nobody is served.
  std::size_t walk(Cursor& cursor, std::span<Identity> clients) const noexcept;
  [[nodiscard]] bool at_end(const Cursor& cursor) const noexcept {
    return cursor.generation == generation_.load(std::memory_order_acquire) &&
           ShardedTable::at_end(cursor.place);
  }

  // For the one thread that writes.

  void serve(bool on) noexcept;
  [[nodiscard]] bool serving() const noexcept { return serving_.load(std::memory_order_acquire); }
  /// What is served now. Its changes reach the readers at once; settle() after some thousands of
  /// them, for until then what they replaced keeps its memory.
  [[nodiscard]] ShardedTable& table() noexcept { return *owned_; }
  /// Returns when every reader has passed a quiescent point: no worker goes by anything older than
  /// the changes made so far. Takes back their memory. Returns at once if nobody was served yet:
  /// a server may wait for the first table before it starts its workers.
  void settle();
  /// Puts another table in place of this one, which is freed when no reader uses it any more.
  void replace(std::unique_ptr<ShardedTable> table);

 private:
  void wait_for_readers() noexcept;

  base::Quiescence& readers_;
  bool ever_served_ = false;
  std::unique_ptr<ShardedTable> owned_;
  alignas(64) std::atomic<const ShardedTable*> table_;
  std::atomic<std::uint64_t> generation_{1};  ///< never 0, which a new cursor has
  std::atomic<bool> serving_{false};
};

}  // namespace pssst::identity
