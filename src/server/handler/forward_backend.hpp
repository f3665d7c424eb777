/// A backend of the handler `forward`: another process, at a Unix datagram socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/counter.hpp"
#include "base/file_descriptor.hpp"

namespace pssst::server {

/// Written by the thread that forwards, read by any.
struct BackendCounters {
  base::Counter sent;
  base::Counter answered;
  base::Counter expired;  ///< sent, and not answered by the deadline
  base::Counter lost;     ///< sent, and the backend went away
  base::Counter full;     ///< times that its socket took no more for now
  base::Counter ejected;
  base::Counter readmitted;
  base::Counter usable;  ///< gauge: 1 or 0
  // Datagrams from it that answer nothing.
  base::Counter answers_twice;
  base::Counter answers_late;
  base::Counter answers_wrong;      ///< to a token that it was not given
  base::Counter answers_malformed;  ///< not of the form of forward_frame.hpp, or too long
};

/// Whether it is worth sending to. It is ejected when its socket cannot be reached, when so many
/// requests in a row expired, and when its socket has taken nothing for as long as a request is
/// awaited; after a while, which grows from failure to failure, it is tried with one request, and
/// readmitted when it answers that. If not, the next trial is over a new connection: another
/// process may have taken its place while somebody, a child of it say, keeps the old socket open.
/// One thread's.
class Backend {
 public:
  static constexpr std::uint64_t kExpiredInARow = 8;
  static constexpr std::uint64_t kRetryMinMs = 100;
  static constexpr std::uint64_t kRetryMaxMs = 2000;

  /// `address`: a path, or a name after an '@'. Not connected yet.
  explicit Backend(std::string address);

  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] const BackendCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] BackendCounters& counters() noexcept { return counters_; }
  /// Of its socket; -1: none.
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// Another one for each connection: requests sent over an earlier one it cannot answer.
  [[nodiscard]] std::uint64_t incarnation() const noexcept { return incarnation_; }

  /// Requests that it may be sent now: none, one, or any number.
  [[nodiscard]] std::size_t room() const noexcept;
  /// Connects, if it is time to. To be called now and then; `now` in TSC ticks.
  void look(std::uint64_t now) noexcept;

  /// Counts ejections: a request is sent in one, and tells nothing of the next.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

  void sent(std::size_t n) noexcept;
  void answered() noexcept;
  /// Its socket takes no more for now: what it was sent before has not been read. `patience`: how
  /// long a request is awaited, in ticks.
  void full(std::uint64_t now, std::uint64_t patience) noexcept;
  /// A request that was sent in `epoch`.
  void expired(std::uint64_t epoch, std::uint64_t now) noexcept;
  /// Its socket failed: it is not there any more.
  void gone(std::uint64_t now) noexcept;

 private:
  enum class State : std::uint8_t { kEjected, kOnTrial, kUsable };

  [[nodiscard]] bool connect() noexcept;
  void disconnect() noexcept;
  void eject(std::uint64_t now) noexcept;
  void enter(State state) noexcept;

  const std::string address_;
  BackendCounters counters_;
  base::FileDescriptor socket_;
  State state_ = State::kEjected;
  std::uint64_t incarnation_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t retry_at_ = 0;
  std::uint64_t retry_ms_ = kRetryMinMs;
  std::uint64_t expired_in_a_row_ = 0;
  std::uint64_t full_since_ = 0;  ///< and has taken nothing since; 0: it is not full
  bool trial_sent_ = false;
  bool seen_ = false;  ///< it was usable once
};

}  // namespace pssst::server
