/// Keeps the table of enrolled clients as the store has it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "identity/client_directory.hpp"
#include "identity/client_source.hpp"

namespace pssst::identity {

/// What is served when the store has not been readable for long.
enum class StalePolicy : std::uint8_t {
  kServe,   ///< the last good table
  kRefuse,  ///< nobody, until the store is good again
};

struct FollowerSettings {
  /// Between two looks at the store. With two of them and a grace period of the workers a change is
  /// everywhere well within a second.
  std::chrono::milliseconds poll{200};
  StalePolicy stale = StalePolicy::kServe;
  std::chrono::milliseconds stale_after{std::chrono::minutes(5)};
  /// Serve who is loaded while the first load goes on.
  bool serve_while_loading = false;
};

/// What a follower knows of itself.
struct FollowerStatus {
  bool loaded = false;               ///< once, wholly
  std::uint64_t records_loaded = 0;  ///< by the load that goes on, or went on last
  std::uint64_t records_expected = 0;
  std::uint64_t loads = 0;  ///< whole ones: more than one if the store was replaced

  std::uint64_t clients = 0;  ///< in the table, with the revoked
  std::uint64_t revoked = 0;
  std::uint64_t table_bytes = 0;

  std::int64_t sequence = 0;          ///< of the newest change that every worker goes by
  std::int64_t newest_change_ms = 0;  ///< when that was made, since 1970; 0: there is none
  std::int64_t newest_change_age_ms = 0;
  /// From the making of the newest change to the last worker's going by it; of those that were
  /// followed, not loaded.
  std::int64_t change_delay_ms = 0;

  FollowerAlarm alarm = FollowerAlarm::kNone;
  std::string alarm_text;           ///< what, where, what to do
  std::int64_t alarm_since_ms = 0;  ///< since 1970
  bool refusing = false;            ///< by StalePolicy::kRefuse
};

/// A thread that loads the whole store and then follows its changes. Whatever happens to the store,
/// the last good table stays, the alarm says why it is the last, and the follower goes on trying:
/// the changes since, if it is the same store; a new table beside the old, put in its place when it
/// is whole, if it is another or an older one.
class Follower {
 public:
  /// `directory` outlives it; no other thread writes it.
  Follower(ClientDirectory& directory, std::unique_ptr<ClientSource> source,
           const FollowerSettings& settings);
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  /// Stops it. It may be waiting for workers to pass a quiescent point: they run, or have left.
  ~Follower();

  void start();
  void stop() noexcept;

  [[nodiscard]] FollowerStatus status() const;
  /// Waits until the first load is done. False if that took longer.
  [[nodiscard]] bool wait_until_loaded(std::chrono::milliseconds at_most) const;
  /// Looks at the store now, not at the next poll.
  void wake() noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  struct KeptChange {
    SourceChange change;  ///< its metadata are those below
    std::array<std::uint8_t, kClientMetadataSizeMax> metadata;
  };

  void run();
  /// One look at the store. False if another is to follow at once.
  bool step();
  /// For as long as has passed since then, or until it is to stop: where a worker runs on the same
  /// CPU, a million changes must not take half of its time.
  void rest(Clock::time_point begun);
  SourceResult<void> load();
  /// True: there may be more at once.
  SourceResult<bool> follow();
  SourceResult<SourcePosition> fill(ShardedTable& table, bool shared);
  void succeed();
  void fail(const SourceError& error);
  void make(KeptChange& kept);
  void note_position();
  [[nodiscard]] bool stopping() const noexcept { return stop_.load(std::memory_order_relaxed); }

  ClientDirectory& directory_;
  const std::unique_ptr<ClientSource> source_;
  const FollowerSettings settings_;

  // Of the thread.
  SourcePosition position_;
  std::vector<KeptChange> changes_;
  bool load_needed_ = true;
  bool tried_in_place_ = false;  ///< later loads serve nobody half
  std::uint64_t left_out_ = 0;   ///< changes for which there was no room
  bool refusing_ = false;
  Clock::time_point failing_since_{};  ///< if status_.alarm is set

  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> records_loaded_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;  ///< loaded, or to be woken or stopped
  bool woken_ = false;
  FollowerStatus status_;
  std::thread thread_;
};

}  // namespace pssst::identity
