/// Requests to a pool of backends, and their answers.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/secret_memory.hpp"
#include "pssst/wire.hpp"
#include "server/handler/answer_queue.hpp"
#include "server/handler/forward_backend.hpp"
#include "server/handler/forward_ring.hpp"
#include "server/handler/token_places.hpp"

namespace pssst::server {

/// Backends take turns, those left out that are ejected. Each datagram has a token that is used
/// once, and answers it only from the backend, and from the very connection, that it went to. One
/// thread's; allocates when made.
class ForwardClient {
 public:
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kInFlightMax = 65'536;

  /// Where answers go. `answer.token` is the request's; `answer.handler` is not set.
  class Answerer {
   public:
    Answerer() = default;
    Answerer(const Answerer&) = delete;
    Answerer& operator=(const Answerer&) = delete;
    virtual ~Answerer() = default;
    virtual void answer(const Answer& answer) noexcept = 0;
  };

  /// `in_flight` requests at most, kInFlightMax at most; each is awaited for `patience` ticks.
  ForwardClient(const std::vector<std::string>& backends, std::size_t in_flight,
                std::uint64_t patience, Answerer& answerer);

  /// Of the first kBatch of the ring's those that backends have room for, now; the others stay
  /// there until they have, or until nobody awaits them any more. Where no backend is to be sent
  /// anything they are answered with kHandlerUnavailable. False: nothing has changed.
  bool send(ForwardRing& ring, std::uint64_t now) noexcept;
  /// True if anything came.
  bool receive(std::uint64_t now) noexcept;
  /// Gives up what is overdue, and looks after backends that are out.
  void look(std::uint64_t now) noexcept;
  /// Until a backend answers.
  void wait(std::chrono::microseconds limit) noexcept;

  [[nodiscard]] std::size_t in_flight() const noexcept { return places_.used(); }
  /// Whether any backend is to be sent anything now.
  [[nodiscard]] bool any_usable() const noexcept;
  [[nodiscard]] std::span<const std::unique_ptr<Backend>> backends() const noexcept {
    return backends_;
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  static constexpr std::uint64_t kGenerationMax = (std::uint64_t{1} << 48) - 1;

  /// A request that was sent; a link of the list of all such, the oldest first.
  struct InFlight {
    std::uint64_t token = 0;  ///< the request's
    std::uint64_t deadline_tsc = 0;
    std::uint64_t incarnation = 0;
    std::uint64_t epoch = 0;
    std::size_t backend = 0;
    std::size_t previous = kNone;
    std::size_t next = kNone;
  };
  struct Received {
    std::array<std::array<std::uint8_t, kForwardReplyHeaderSize + kReplySizeMax + 1>, kBatch> bytes;
  };
  using Group = std::span<ForwardRequest* const>;

  [[nodiscard]] std::size_t next_backend() noexcept;
  [[nodiscard]] std::size_t send_round(std::span<ForwardRequest*> left, std::uint64_t now) noexcept;
  [[nodiscard]] std::size_t send_group(std::size_t backend, Group group,
                                       std::uint64_t now) noexcept;
  [[nodiscard]] bool receive_from(std::size_t backend, std::uint64_t now) noexcept;
  void take_datagram(std::size_t backend, std::span<const std::uint8_t> datagram) noexcept;
  void lose(std::size_t backend, std::uint64_t now) noexcept;
  void fail(ForwardRequest& request) noexcept;
  std::size_t add_in_flight(const ForwardRequest& request, std::size_t backend) noexcept;
  void remove(std::size_t place, bool answered) noexcept;

  std::vector<std::unique_ptr<Backend>> backends_;
  Answerer& answerer_;
  const std::uint64_t patience_;
  TokenPlaces places_;
  std::vector<InFlight> sent_;  ///< by place
  std::size_t oldest_ = kNone;
  std::size_t newest_ = kNone;
  std::size_t turn_ = 0;
  std::vector<bool> full_;  ///< by backend: its socket took no more, just now
  std::vector<std::size_t> assigned_;
  base::SecretPointer<Received> received_;
};

}  // namespace pssst::server
