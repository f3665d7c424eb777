/// Requests made ahead, and what their replies must be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "crypto/x25519.hpp"
#include "protocol/request_maker.hpp"
#include "tools/load/dh_index.hpp"
#include "tools/load/mix.hpp"

namespace pssst::tools::load {

/// The text that a service answers with.
struct Expectation {
  enum class Kind : std::uint8_t {
    kEcho,     ///< the message
    kText,     ///< always the same
    kNothing,  ///< no reply
  };
  Kind kind = Kind::kEcho;
  std::vector<std::uint8_t> text;  ///< kText
};

enum class ReplyCheck : std::uint8_t {
  kGood,
  kFlags,   ///< not those of a reply to the request
  kLength,  ///< not the length of the text expected
  kTag,     ///< GCM tag is wrong
  kText,    ///< genuine, but not the text expected
};

struct PoolSettings {
  std::size_t size = 0;  ///< requests
  std::vector<WeightedSize> message_sizes;
  double authenticated_share = 0;  ///< 0 to 1, dealt out over the maker's clients in turn
  Expectation expectation;
};

/// A fixed number of requests with random messages. Nothing allocates after it is made. Wiped on
/// destruction: it holds what opens the replies.
class RequestPool {
 public:
  /// Makes none yet. `maker` outlives it, and has clients if any request is authenticated.
  RequestPool(protocol::RequestMaker& maker, PoolSettings settings);
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;
  ~RequestPool();

  /// Makes these requests, or makes them anew. At most RequestMaker::kBatchMax.
  void make(std::span<const std::uint32_t> requests) noexcept;
  /// Makes all.
  void make_all() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return requests_.size(); }
  [[nodiscard]] std::span<const std::uint8_t> datagram(std::size_t i) const noexcept;
  [[nodiscard]] bool is_authenticated(std::size_t i) const noexcept;

  /// The request that a datagram of at least kOverheadSize bytes replies to, by its dh.
  [[nodiscard]] std::optional<std::uint32_t> find(
      std::span<const std::uint8_t> reply) const noexcept;
  /// Flags and length; costs next to nothing. kGood is not yet a proof.
  [[nodiscard]] ReplyCheck check(std::size_t i, std::span<const std::uint8_t> reply) const noexcept;
  /// Opens a reply that has passed check(), and compares its text.
  [[nodiscard]] ReplyCheck open(std::size_t i, std::span<const std::uint8_t> reply) noexcept;

 private:
  struct Request {
    std::size_t offset = 0;  ///< of its datagram and then its message, in bytes_
    std::size_t client = 0;
    std::uint16_t message_size = 0;
    bool is_made = false;
  };
  [[nodiscard]] static std::size_t datagram_size(const Request& request) noexcept;
  [[nodiscard]] std::span<std::uint8_t> message(const Request& request) noexcept;
  [[nodiscard]] std::size_t reply_text_size(const Request& request) const noexcept;
  [[nodiscard]] DhIndex::Dh dh(const Request& request) const noexcept;

  protocol::RequestMaker& maker_;
  Expectation expectation_;
  std::vector<Request> requests_;
  std::vector<crypto::Bytes32> key_material_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint8_t> opened_;
  DhIndex index_;
};

}  // namespace pssst::tools::load
