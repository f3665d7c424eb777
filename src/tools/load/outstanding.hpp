/// What was sent and is not settled yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pssst::tools::load {

/// What a genuine reply was to us.
enum class Settlement : std::uint8_t {
  kAnswered,   ///< to a request that was outstanding
  kLate,       ///< to one that had been given up as lost
  kDuplicate,  ///< to none: an answered request was answered again
};

/// Requests of a pool, on their way. One request may be under way several times at once: its
/// replies cannot be told apart then, so they are counted, but their latency is not known. Nothing
/// allocates after it is made; every step is of constant time. Times are nanoseconds of one clock.
class Outstanding {
 public:
  /// Of `requests` different ones at most `sends_max` are under way; one is lost after
  /// `timeout_ns`.
  Outstanding(std::size_t requests, std::size_t sends_max, std::uint64_t timeout_ns);

  /// Request `i` left at `now_ns`, and was due at `due_ns`. Where all room is taken, the oldest
  /// one is given up before its time; returns 1 then, else 0.
  std::size_t sent(std::size_t i, std::uint64_t due_ns, std::uint64_t now_ns) noexcept;

  struct Reply {
    Settlement settlement = Settlement::kDuplicate;
    bool is_ambiguous = false;  ///< answered, but perhaps an earlier send of the same request
    std::uint64_t due_ns = 0;   ///< answered: when it was due
  };
  /// A genuine reply to request `i`.
  [[nodiscard]] Reply replied(std::size_t i) noexcept;

  /// Gives up what was sent timeout_ns ago or earlier; how many.
  [[nodiscard]] std::size_t expire(std::uint64_t now_ns) noexcept;
  /// When the next one will be given up; UINT64_MAX: nothing is under way.
  [[nodiscard]] std::uint64_t next_expiry() const noexcept;

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Request `i` is not under way.
  [[nodiscard]] bool is_idle(std::size_t i) const noexcept { return requests_[i].under_way == 0; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// One send, in a list ordered by time.
  struct Send {
    std::uint64_t due_ns;
    std::uint64_t sent_ns;
    std::uint32_t request;
    std::uint32_t earlier_of_request;
    std::uint32_t previous;
    std::uint32_t next;  ///< of the free list, too
  };
  struct Request {
    std::uint32_t newest = kNone;  ///< meaningless while under_way is 0
    std::uint32_t under_way = 0;
    std::uint32_t given_up = 0;  ///< that may still be answered late
    bool is_ambiguous = false;
    std::uint64_t given_up_ns = 0;  ///< the last of them
  };

  void give_up_oldest(std::uint64_t now_ns) noexcept;
  void remove(std::uint32_t index) noexcept;

  std::vector<Send> sends_;
  std::vector<Request> requests_;
  std::uint64_t timeout_ns_;
  std::uint32_t oldest_ = kNone;
  std::uint32_t newest_ = kNone;
  std::uint32_t free_ = 0;
  std::size_t count_ = 0;
};

}  // namespace pssst::tools::load
