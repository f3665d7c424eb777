#include "pssst/client.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"
#include "crypto/symmetric.hpp"
#include "crypto/x25519.hpp"
#include "protocol/client_internals.hpp"
#include "protocol/header.hpp"
#include "protocol/suite1.hpp"

namespace pssst {
namespace {

namespace suite1 = protocol::suite1;
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
    case ReplyFault::kNoSpace:
      return "the message does not fit the space given for it";
    case ReplyFault::kTag:
      return "GCM tag is wrong";
  }
  return "unknown fault";
}

PendingRequest::PendingRequest(PendingRequest&& other) noexcept {
  *this = std::move(other);
}

PendingRequest& PendingRequest::operator=(PendingRequest&& other) noexcept {
  if (this == &other) return *this;
  pending_ = other.pending_;
  request_flags_ = other.request_flags_;
  dh_ = other.dh_;
  key_material_ = other.key_material_;
  other.wipe();
  return *this;
}

PendingRequest::~PendingRequest() {
  wipe();
}

void PendingRequest::wipe() noexcept {
  pending_ = false;
  request_flags_ = 0;
  dh_.fill(0);
  base::wipe_object(key_material_);
}

/// In secret pages. A client's private key is not kept: X25519(c, S) is all that it is good for.
struct Client::Impl {
  Impl(const crypto::X25519Kernel& chosen,
       std::unique_ptr<crypto::SymmetricEngine>&& owned) noexcept
      : kernel(chosen), engine(std::move(owned)) {}

  const crypto::X25519Kernel& kernel;
  std::unique_ptr<crypto::SymmetricEngine> engine;
  bool authenticated = false;
  /// What the ephemeral key multiplies, both at once: for dh 9 or C, for the shared secret S or
  /// X25519(c, S).
  std::array<Bytes32, 2> points{};

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
                                       std::string* error) {
  const auto refuse = [&](std::string_view why) {
    if (error != nullptr) *error = why;
    return nullptr;
  };
  if (const PublicKeyFault fault = check_public_key(server); fault != PublicKeyFault::kNone) {
    return refuse("server public key: " + std::string(to_string(fault)));
  }
  const crypto::X25519Kernel* kernel = crypto::select_x25519_kernel({});
  if (kernel == nullptr) return refuse("no X25519 kernel runs on this CPU");
  auto engine = crypto::SymmetricEngine::create();
  if (!engine) return refuse(engine.error().to_string());

  std::unique_ptr<Impl, ImplDeleter> impl(
      base::make_secret<Impl>(*kernel, std::move(*engine)).release());
  impl->points = {kBasePoint, server};
  if (key != nullptr) {
    impl->authenticated = true;
    impl->scalar.assign(key->bytes());
    const std::array<const crypto::X25519Scalar*, 2> scalars{&impl->scalar, &impl->scalar};
    const crypto::LaneMask zero =
        kernel->multiply(scalars.data(), impl->points.data(), impl->products.data(), 2);
    impl->points = impl->products;
    base::wipe_object(impl->products);
    impl->scalar.assign(Bytes32{});
    if (zero != 0) return refuse("client key: gives a zero shared secret with the server's key");
    if (impl->points[0] == server) {
      return refuse("client key: is the server's own; make the client a key of its own");
    }
  }
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

std::size_t Client::overhead_size() const noexcept {
  return suite1::request_size_min(impl_->authenticated);
}

std::size_t Client::seal(std::span<const std::uint8_t> message, std::span<std::uint8_t> datagram,
                         PendingRequest& pending) noexcept {
  Impl& impl = *impl_;
  base::fill_random(impl.random);
  // Clamped before it is sent: not every verifier clamps what it reads.
  impl.scalar.assign(impl.random);
  impl.random = impl.scalar.clamped();
  const std::size_t size =
      protocol::ClientInternals::seal(*this, impl.random, message, datagram, pending);
  base::wipe_object(impl.random);
  return size;
}

std::size_t protocol::ClientInternals::seal(Client& client, const Bytes32& ephemeral_key,
                                            std::span<const std::uint8_t> message,
                                            std::span<std::uint8_t> datagram,
                                            PendingRequest& pending) noexcept {
  Client::Impl& impl = *client.impl_;
  pending.wipe();
  const std::size_t overhead_size = client.overhead_size();
  if (datagram.size() < overhead_size || datagram.size() - overhead_size < message.size()) {
    return 0;
  }
  impl.scalar.assign(ephemeral_key);
  const std::array<const crypto::X25519Scalar*, 2> scalars{&impl.scalar, &impl.scalar};
  const crypto::LaneMask zero =
      impl.kernel.multiply(scalars.data(), impl.points.data(), impl.products.data(), 2);
  impl.scalar.assign(Bytes32{});
  const auto& [dh, shared_secret] = impl.products;
  const std::size_t size = overhead_size + message.size();
  if (zero == 0) {
    suite1::derive(*impl.engine, dh, shared_secret, pending.key_material_);
    const suite1::Proof proof{.client_key = impl.points[0], .ephemeral_key = ephemeral_key};
    suite1::seal_request(*impl.engine, pending.key_material_, dh,
                         impl.authenticated ? &proof : nullptr, message, datagram.first(size));
    pending.pending_ = true;
    pending.request_flags_ = impl.authenticated ? kFlagClientAuth : std::uint16_t{0};
    pending.dh_ = dh;
  }
  base::wipe_object(impl.products);
  return zero == 0 ? size : 0;
}

void protocol::ClientInternals::expect_reply(PendingRequest& pending, std::uint16_t request_flags,
                                             const Bytes32& dh,
                                             const Bytes32& key_material) noexcept {
  pending.pending_ = true;
  pending.request_flags_ = request_flags;
  pending.dh_ = dh;
  pending.key_material_ = key_material;
}

Client::Opened Client::open(std::span<const std::uint8_t> datagram, PendingRequest& pending,
                            std::span<std::uint8_t> message) noexcept {
  if (!pending.pending_) return {.fault = ReplyFault::kNotPending};
  if (datagram.size() < kOverheadSize) return {.fault = ReplyFault::kTooShort};
  const auto [flags, suite] = protocol::read_header(datagram.first<kHeaderSize>());
  if (suite != kSuite1) return {.fault = ReplyFault::kSuite};
  if (flags != (kFlagReply | pending.request_flags_)) return {.fault = ReplyFault::kFlags};
  if (suite1::read_dh(datagram) != pending.dh_) return {.fault = ReplyFault::kDh};
  const std::size_t size = datagram.size() - kOverheadSize;
  if (message.size() < size) return {.fault = ReplyFault::kNoSpace};
  if (!suite1::open_reply(*impl_->engine, pending.key_material_, datagram, message.first(size))) {
    return {.fault = ReplyFault::kTag};
  }
  pending.wipe();
  return {.size = size};
}

}  // namespace pssst
