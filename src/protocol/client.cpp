#include "pssst/client.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"
#include "crypto/symmetric.hpp"
#include "crypto/x25519.hpp"
#include "protocol/client_internals.hpp"
#include "protocol/header.hpp"
#include "protocol/hedged_bytes.hpp"
#include "protocol/suite.hpp"
#include "protocol/suite1.hpp"
#include "protocol/suite_f002.hpp"

namespace pssst {
namespace {

namespace suite1 = protocol::suite1;
namespace suite_f002 = protocol::suite_f002;
using crypto::Bytes32;

constexpr Bytes32 kBasePoint{9};

}  // namespace

std::string_view to_string(ReplyFault fault) noexcept {
  switch (fault) {
    case ReplyFault::kNone:
      return "no fault";
    case ReplyFault::kNotPending:
      return "no request is waiting for a reply";
    case ReplyFault::kTooShort:
      return "shorter than the smallest reply";
    case ReplyFault::kSuite:
      return "not the request's suite";
    case ReplyFault::kFlags:
      return "flags are not those of a reply to the request";
    case ReplyFault::kDh:
      return "dh is not the request's";
    case ReplyFault::kReplyId:
      return "rid is not the request's";
    case ReplyFault::kNoSpace:
      return "the message does not fit the space given for it";
    case ReplyFault::kTag:
      return "GCM tag is wrong";
    case ReplyFault::kMessageLength:
      return "message length goes past the end of the plaintext";
    case ReplyFault::kPadding:
      return "padding holds something else than zeros";
  }
  return "unknown fault";
}

PendingRequest::PendingRequest(PendingRequest&& other) noexcept {
  *this = std::move(other);
}

PendingRequest& PendingRequest::operator=(PendingRequest&& other) noexcept {
  if (this == &other) return *this;
  pending_ = other.pending_;
  suite_ = other.suite_;
  request_flags_ = other.request_flags_;
  match_ = other.match_;
  key_material_ = other.key_material_;
  other.wipe();
  return *this;
}

PendingRequest::~PendingRequest() {
  wipe();
}

void PendingRequest::wipe() noexcept {
  pending_ = false;
  suite_ = kSuite1;
  request_flags_ = 0;
  match_.fill(0);
  base::wipe_object(key_material_);
}

/// In secret pages. A client's private key is not kept: X25519(c, S) is all that it is good for.
struct Client::Impl {
  Impl(const crypto::X25519Kernel& chosen, std::unique_ptr<crypto::SymmetricEngine>&& owned,
       protocol::HedgedBytes&& hedged) noexcept
      : kernel(chosen), engine(std::move(owned)), hedge(std::move(hedged)), f002(*engine) {}

  /// Of the scalar and the two points, to `products`. False, and they are to be wiped all the same,
  /// if one is zero.
  [[nodiscard]] bool multiply() noexcept {
    const std::array<const crypto::X25519Scalar*, 2> scalars{&scalar, &scalar};
    const crypto::LaneMask zero =
        kernel.multiply(scalars.data(), points.data(), products.data(), 2);
    scalar.assign(Bytes32{});
    return zero == 0;
  }

  const crypto::X25519Kernel& kernel;
  std::unique_ptr<crypto::SymmetricEngine> engine;
  protocol::HedgedBytes hedge;
  std::uint16_t suite = kSuite1;
  bool authenticated = false;
  /// What the ephemeral key multiplies, both at once: 9, or in suite 1 C, for dh; and S, or in
  /// suite 1 X25519(c, S), for the shared secret.
  std::array<Bytes32, 2> points{};
  suite_f002::ClientState f002;

  // Scratch, wiped after each message.
  std::array<Bytes32, 2> products{};
  Bytes32 random{};
  crypto::X25519Scalar scalar;
};

void Client::ImplDeleter::operator()(Impl* impl) const noexcept {
  base::SecretDeleter<Impl>{}(impl);
}

Client::Client(std::unique_ptr<Impl, ImplDeleter> impl) noexcept : impl_(std::move(impl)) {}
Client::~Client() = default;

std::unique_ptr<Client> Client::create(const PublicKey& server, const PrivateKey* key,
                                       std::string* error, const KeyUse& use) {
  const auto refuse = [&](std::string_view why) {
    if (error != nullptr) *error = why;
    return nullptr;
  };
  if (!fault_of(use).empty()) return refuse(fault_of(use));
  if (const PublicKeyFault fault = check_public_key(server); fault != PublicKeyFault::kNone) {
    return refuse("server public key: " + std::string(to_string(fault)));
  }
  const crypto::X25519Kernel* kernel = crypto::select_x25519_kernel({});
  if (kernel == nullptr) return refuse("no X25519 kernel runs on this CPU");
  auto engine = crypto::SymmetricEngine::create();
  if (!engine) return refuse(engine.error().to_string());

  std::unique_ptr<Impl, ImplDeleter> impl(
      base::make_secret<Impl>(*kernel, std::move(*engine), protocol::HedgedBytes()).release());
  impl->suite = use.suite;
  impl->points = {kBasePoint, server};
  impl->hedge.add_device_secret(*impl->engine,
                                key != nullptr ? key->bytes() : std::span<const std::uint8_t>());
  if (use.suite == kSuiteF002) set_up_f002(*impl, server, key != nullptr, use.label);
  if (key != nullptr) {
    impl->authenticated = true;
    impl->scalar.assign(key->bytes());
    const bool good = impl->multiply();
    const bool own = impl->products[0] == server;
    if (use.suite == kSuite1) {
      impl->points = impl->products;
    } else {
      impl->f002.client_key = impl->products[0];
      impl->f002.static_secret = impl->products[1];
    }
    base::wipe_object(impl->products);
    if (!good) return refuse("client key: gives a zero shared secret with the server's key");
    if (own) return refuse("client key: is the server's own; make the client a key of its own");
  }
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

void Client::set_up_f002(Impl& impl, const PublicKey& server, bool authenticated,
                         std::string_view label) noexcept {
  crypto::Sha256Engine& engine = impl.engine->sha256();
  impl.f002.server = server;
  impl.f002.authenticated = authenticated;
  impl.f002.key_id = suite_f002::make_key_id(engine, server, label);
  impl.f002.context = suite_f002::make_context(engine, authenticated, impl.f002.key_id, label);
}

std::size_t Client::overhead_size() const noexcept {
  return protocol::layout_of(impl_->suite).size_min(impl_->authenticated);
}

std::size_t Client::seal(std::span<const std::uint8_t> message, std::span<std::uint8_t> datagram,
                         PendingRequest& pending, std::size_t padding_size) noexcept {
  Impl& impl = *impl_;
  // Under a key that came of the client's own, over fresh randomness and all that is to be sealed,
  // padding too: two texts do not get one ephemeral key even where the generator repeats itself.
  std::array<std::uint8_t, 16> id{'p', 'a', 'd', 'd', 'i', 'n', 'g'};
  static_assert(sizeof padding_size == 8);
  std::memcpy(id.data() + 8, &padding_size, sizeof padding_size);
  const protocol::HedgedBytes::Use use{.id = id.data(), .text = message};
  std::uint8_t* const random = impl.random.data();
  impl.hedge.draw(*impl.engine, {&use, 1}, &random, impl.random.size());
  // Clamped before it is sent: not every verifier clamps what it reads.
  impl.scalar.assign(impl.random);
  impl.random = impl.scalar.clamped();
  const std::size_t size =
      protocol::ClientInternals::seal(*this, impl.random, message, datagram, pending, padding_size);
  base::wipe_object(impl.random);
  impl.scalar.assign(Bytes32{});
  impl.engine->clear_keys();
  return size;
}

std::size_t protocol::ClientInternals::seal(Client& client, const Bytes32& ephemeral_key,
                                            std::span<const std::uint8_t> message,
                                            std::span<std::uint8_t> datagram,
                                            PendingRequest& pending,
                                            std::size_t padding_size) noexcept {
  Client::Impl& impl = *client.impl_;
  pending.wipe();
  const std::size_t overhead_size = client.overhead_size();
  const std::size_t space = datagram.size();
  if (message.size() > 0xffff || space < overhead_size || space - overhead_size < message.size() ||
      space - overhead_size - message.size() < padding_size ||
      (padding_size > 0 && impl.suite == kSuite1)) {
    return 0;
  }
  impl.scalar.assign(ephemeral_key);
  const bool good = impl.multiply();
  const auto& [dh, shared_secret] = impl.products;
  const auto request = datagram.first(overhead_size + message.size() + padding_size);
  const std::uint16_t flags = impl.authenticated ? kFlagClientAuth : std::uint16_t{0};
  if (good && impl.suite == kSuiteF002) {
    suite_f002::ReplyExpectation reply;
    suite_f002::seal_request(*impl.engine, impl.f002, dh, shared_secret, message, request, reply);
    expect_reply(pending, flags, reply);
    base::wipe_object(reply);
  } else if (good) {
    Bytes32 key_material;
    suite1::derive(*impl.engine, dh, shared_secret, key_material);
    const suite1::Proof proof{.client_key = impl.points[0], .ephemeral_key = ephemeral_key};
    suite1::seal_request(*impl.engine, key_material, dh, impl.authenticated ? &proof : nullptr,
                         message, request);
    expect_reply(pending, flags, dh, key_material);
    base::wipe_object(key_material);
  }
  base::wipe_object(impl.products);
  return good ? request.size() : 0;
}

void protocol::ClientInternals::expect_reply(PendingRequest& pending, std::uint16_t request_flags,
                                             const Bytes32& dh,
                                             const Bytes32& key_material) noexcept {
  pending.pending_ = true;
  pending.suite_ = kSuite1;
  pending.request_flags_ = request_flags;
  pending.match_ = dh;
  pending.key_material_ = key_material;
}

void protocol::ClientInternals::expect_reply(PendingRequest& pending, std::uint16_t request_flags,
                                             const suite_f002::ReplyExpectation& reply) noexcept {
  pending.pending_ = true;
  pending.suite_ = kSuiteF002;
  pending.request_flags_ = request_flags;
  auto* const end = std::ranges::copy(reply.reply_id, pending.match_.begin()).out;
  std::ranges::copy(reply.request_tag, end);
  pending.key_material_ = reply.secret;
}

namespace {

ReplyFault fault_of(suite_f002::OpenedReply opened) noexcept {
  switch (opened) {
    case suite_f002::OpenedReply::kGood:
      return ReplyFault::kNone;
    case suite_f002::OpenedReply::kMessageLength:
      return ReplyFault::kMessageLength;
    case suite_f002::OpenedReply::kPadding:
      return ReplyFault::kPadding;
    case suite_f002::OpenedReply::kTag:
      break;
  }
  return ReplyFault::kTag;
}

}  // namespace

Client::Opened Client::open(std::span<const std::uint8_t> datagram, PendingRequest& pending,
                            std::span<std::uint8_t> message) noexcept {
  if (!pending.pending_) return {.fault = ReplyFault::kNotPending};
  const bool is_f002 = pending.suite_ == kSuiteF002;
  if (datagram.size() < protocol::layout_of(pending.suite_).reply_overhead) {
    return {.fault = ReplyFault::kTooShort};
  }
  const auto [flags, suite] = protocol::read_header(datagram.first<kHeaderSize>());
  if (suite != pending.suite_) return {.fault = ReplyFault::kSuite};
  if (flags != (kFlagReply | pending.request_flags_)) return {.fault = ReplyFault::kFlags};
  const auto match = std::span(pending.match_).first(is_f002 ? kReplyIdSize : kDhSize);
  if (!std::ranges::equal(datagram.subspan(kHeaderSize, match.size()), match)) {
    return {.fault = is_f002 ? ReplyFault::kReplyId : ReplyFault::kDh};
  }
  const std::size_t size = datagram.size() - kOverheadSize;
  if (message.size() < size) return {.fault = ReplyFault::kNoSpace};
  Opened opened{.fault = ReplyFault::kNone, .size = size};
  if (is_f002) {
    suite_f002::ReplyExpectation reply{.secret = pending.key_material_};
    std::copy_n(pending.match_.begin(), kReplyIdSize, reply.reply_id.begin());
    std::copy_n(pending.match_.begin() + kReplyIdSize, kTagSize, reply.request_tag.begin());
    opened.fault = fault_of(suite_f002::open_reply(*impl_->engine, impl_->f002, reply, datagram,
                                                   message.first(size), opened.size));
    base::wipe_object(reply);
  } else if (!suite1::open_reply(*impl_->engine, pending.key_material_, datagram,
                                 message.first(size))) {
    opened.fault = ReplyFault::kTag;
  }
  if (opened.fault != ReplyFault::kNone) return {.fault = opened.fault};
  pending.wipe();
  return opened;
}

}  // namespace pssst
