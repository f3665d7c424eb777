#include "protocol/request_maker.hpp"

#include <array>
#include <deque>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"
#include "crypto/symmetric.hpp"
#include "protocol/suite.hpp"
#include "protocol/suite1.hpp"

namespace pssst::protocol {
namespace {

using crypto::Bytes32;
using crypto::kX25519LanesMax;

constexpr Bytes32 kBasePoint{9};

/// What an ephemeral key multiplies: for dh, and for the shared secret.
struct Points {
  Bytes32 dh;      ///< 9 or C
  Bytes32 secret;  ///< S or X25519(c, S)
};

/// Of one batch; one object, so that one wipe covers it.
struct Scratch {
  std::array<Bytes32, RequestMaker::kBatchMax> ephemeral;
  std::array<Bytes32, kX25519LanesMax> points;
  std::array<Bytes32, kX25519LanesMax> products;
};

}  // namespace

struct RequestMaker::Impl {
  Impl(const PublicKey& server_key, const crypto::X25519Kernel& chosen,
       std::unique_ptr<crypto::SymmetricEngine>&& owned)
      : server(server_key), kernel(chosen), engine(std::move(owned)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    for (Points& client : clients) base::wipe_object(client);
  }

  [[nodiscard]] const Points& points_of(std::size_t client) const noexcept {
    return client == kAnonymous ? anonymous : clients[client];
  }

  const PublicKey server;
  const Points anonymous{kBasePoint, server};
  const crypto::X25519Kernel& kernel;
  const std::unique_ptr<crypto::SymmetricEngine> engine;
  std::deque<Points> clients;  // never moved: no copy of a secret is left behind
  base::SecretPointer<Scratch> scratch = base::make_secret<Scratch>();
  std::array<crypto::X25519Scalar, kBatchMax> scalars;
};

RequestMaker::RequestMaker(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
RequestMaker::~RequestMaker() = default;

base::Result<std::unique_ptr<RequestMaker>> RequestMaker::create(const PublicKey& server,
                                                                 std::string_view x25519_kernel) {
  if (const PublicKeyFault fault = check_public_key(server); fault != PublicKeyFault::kNone) {
    return base::fail("server public key: " + std::string(to_string(fault)));
  }
  const crypto::X25519Kernel* kernel = crypto::select_x25519_kernel(x25519_kernel);
  if (kernel == nullptr) {
    return base::fail("no such X25519 kernel runs on this CPU", std::string(x25519_kernel));
  }
  auto engine = crypto::SymmetricEngine::create();
  if (!engine) return tl::unexpected(std::move(engine.error()));
  auto impl = std::make_unique<Impl>(server, *kernel, std::move(*engine));
  return std::unique_ptr<RequestMaker>(new RequestMaker(std::move(impl)));
}

base::Result<PublicKey> RequestMaker::add_client(const PrivateKey& key) {
  Impl& impl = *impl_;
  const crypto::X25519Scalar scalar(key.bytes());
  const std::array<const crypto::X25519Scalar*, 2> scalars{&scalar, &scalar};
  const std::array<Bytes32, 2> points{kBasePoint, impl.server};
  std::array<Bytes32, 2> products;
  const crypto::LaneMask zero =
      impl.kernel.multiply(scalars.data(), points.data(), products.data(), 2);
  const PublicKey public_key = products[0];
  const bool is_servers = public_key == impl.server;
  if (zero == 0 && !is_servers) impl.clients.push_back({products[0], products[1]});
  base::wipe_object(products);
  if (zero != 0) return base::fail("client key: gives a zero shared secret with the server's key");
  if (is_servers) {
    return base::fail("client key: is the server's own", {}, "make the client a key of its own");
  }
  return public_key;
}

std::size_t RequestMaker::client_count() const noexcept {
  return impl_->clients.size();
}

std::string_view RequestMaker::x25519_kernel() const noexcept {
  return impl_->kernel.name;
}

std::size_t RequestMaker::request_size(std::size_t client, std::size_t message_size) noexcept {
  return kSuite1Layout.size_min(client != kAnonymous) + message_size;
}

void RequestMaker::seal(std::span<const RequestPlan> plans) noexcept {
  PSSST_ASSERT(plans.size() <= kBatchMax);
  Impl& impl = *impl_;
  Scratch& scratch = *impl.scratch;
  const std::size_t n = plans.size();
  base::fill_random({scratch.ephemeral.front().data(), n * sizeof(Bytes32)});
  std::array<const crypto::X25519Scalar*, kX25519LanesMax> scalars;
  for (std::size_t i = 0; i < n; ++i) {
    // Clamped before it is sent: not every verifier clamps what it reads.
    impl.scalars[i].assign(scratch.ephemeral[i]);
    scratch.ephemeral[i] = impl.scalars[i].clamped();
    scalars[2 * i] = scalars[2 * i + 1] = &impl.scalars[i];
    const Points& points = impl.points_of(plans[i].client);
    scratch.points[2 * i] = points.dh;
    scratch.points[2 * i + 1] = points.secret;
  }
  const crypto::LaneMask zero =
      impl.kernel.multiply(scalars.data(), scratch.points.data(), scratch.products.data(), 2 * n);
  // All points are of prime order, and a clamped scalar is no multiple of it.
  PSSST_ASSERT(zero == 0);

  for (std::size_t i = 0; i < n; ++i) {
    const RequestPlan& plan = plans[i];
    const suite1::Proof proof{.client_key = scratch.points[2 * i],
                              .ephemeral_key = scratch.ephemeral[i]};
    const Bytes32& dh = scratch.products[2 * i];
    suite1::derive(*impl.engine, dh, scratch.products[2 * i + 1], *plan.key_material);
    suite1::seal_request(*impl.engine, *plan.key_material, dh,
                         plan.client == kAnonymous ? nullptr : &proof, plan.message, plan.datagram);
    impl.scalars[i].assign(Bytes32{});
  }
  base::wipe_object(scratch);
}

bool RequestMaker::open_reply(const Bytes32& key_material, std::span<const std::uint8_t> datagram,
                              std::span<std::uint8_t> message) noexcept {
  return suite1::open_reply(*impl_->engine, key_material, datagram, message);
}

}  // namespace pssst::protocol
