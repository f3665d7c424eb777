/// The requests of a worker that are to be answered later.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "base/secret_memory.hpp"
#include "net/datagram.hpp"
#include "pssst/request_burst.hpp"
#include "server/handler/answer_queue.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/handler/later_token.hpp"
#include "server/handler/token_places.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

/// A bounded table, made before the first packet; what seals a reply lies in it by value, in secret
/// memory, until the place is freed. The datagram stays the port's, and held.
class LaterReplies {
 public:
  /// A request whose reply is awaited. Secret.
  struct Request {
    net::Datagram datagram{};
    KeptReply sealing{};
    std::uint64_t arrival_tsc = 0;
    std::size_t service_slot = 0;    ///< of its counters
    std::size_t reply_size_max = 0;  ///< of the reply's datagram, by the service's limit
  };

  /// Of worker `worker`; `capacity` is at most LaterToken::kPlacesMax, and may be 0.
  LaterReplies(std::size_t worker, std::size_t capacity);

  /// A place for a message that `handler` is about to get: its token; 0 if there is no room, or if
  /// as many of this handler are awaited as may be.
  [[nodiscard]] std::uint64_t reserve(const AttachedHandler& handler) noexcept;
  /// The message is not answered later.
  void cancel(std::uint64_t token) noexcept;
  /// It is: lane `lane` of `burst`, received at `arrival_tsc`; expires at `now` and the handler's
  /// deadline.
  void keep(std::uint64_t token, const RequestBurst& burst, std::size_t lane,
            const net::Datagram& datagram, std::uint64_t arrival_tsc, const Service& service,
            std::uint64_t now) noexcept;

  /// Whose answer it is; kWrong also for that of another handler. kAwaited, with the request's
  /// place, once for each request: the caller must free() that.
  [[nodiscard]] TokenFate claim(const Answer& answer, std::size_t& place) noexcept;
  [[nodiscard]] const Request& request(std::size_t place) const noexcept {
    return requests_[place];
  }
  /// Wipes it. `answered` is remembered, to tell kTwice from kLate.
  void free(std::size_t place, bool answered) noexcept;

  /// Calls expired(place) of all whose time is over; that must free() them.
  template <class Expired>
  void expire(std::uint64_t now, Expired&& expired) noexcept {
    if (now < next_deadline_) return;
    next_deadline_ = kNever;
    for (std::size_t place = 0; place < deadlines_.size(); ++place) {
      if (deadlines_[place] <= now) {
        expired(place);
      } else {
        next_deadline_ = std::min(next_deadline_, deadlines_[place]);
      }
    }
  }
  /// Calls dropped(place) of all that are awaited; that must free() them.
  template <class Dropped>
  void drop_all(Dropped&& dropped) noexcept {
    expire(kNever - 1, dropped);
  }

  /// A service that `snapshot` does not have any more gives up its counters' place: what it still
  /// awaits is counted nowhere but in the worker's own books. To be called with each new snapshot,
  /// before the next quiescent point.
  void update(const Snapshot& snapshot) noexcept;

  [[nodiscard]] std::size_t awaited() const noexcept { return awaited_; }
  [[nodiscard]] std::span<const std::uint32_t, HandlerRuntime::kHandlersMax> awaited_by_handler()
      const noexcept {
    return by_handler_;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return states_.size(); }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  struct State {
    std::uint64_t ticks = 0;  ///< from dispatch to deadline
    std::uint16_t handler = 0;
    bool kept = false;
    std::size_t service_name = 0;
  };

  [[nodiscard]] std::size_t place_of(std::uint64_t token) const noexcept;

  const std::size_t worker_;
  TokenPlaces places_;
  std::vector<State> states_;
  std::vector<std::uint64_t> deadlines_;  ///< kNever: not kept
  const base::SecretArray<Request> requests_;
  std::array<std::uint32_t, HandlerRuntime::kHandlersMax> by_handler_{};  ///< reserved or kept
  std::size_t awaited_ = 0;
  std::uint64_t next_deadline_ = kNever;
};

}  // namespace pssst::server
