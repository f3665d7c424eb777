#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "base/assert.hpp"
#include "base/error.hpp"
#include "base/secret_memory.hpp"
#include "crypto/symmetric.hpp"
#include "crypto/x25519.hpp"
#include "protocol/header.hpp"
#include "protocol/hedged_bytes.hpp"
#include "protocol/proof_cache.hpp"
#include "protocol/proof_checker.hpp"
#include "protocol/server_key.hpp"
#include "protocol/static_secret_finder.hpp"
#include "protocol/suite.hpp"
#include "protocol/suite1.hpp"
#include "protocol/suite_f002.hpp"
#include "pssst/server.hpp"

namespace pssst {
namespace {

namespace suite1 = protocol::suite1;
namespace suite_f002 = protocol::suite_f002;
using crypto::Bytes32;
using crypto::LaneMask;

static_assert(kBurstLanesMax == crypto::kX25519LanesMax);

/// Lane numbers, packed: entry i of a kernel's arrays is lane numbers[i] of the burst.
class LaneList {
 public:
  void add(std::size_t lane) noexcept { numbers_[size_++] = static_cast<std::uint8_t>(lane); }
  [[nodiscard]] std::span<const std::uint8_t> numbers() const noexcept {
    return std::span(numbers_).first(size_);
  }

 private:
  std::array<std::uint8_t, kBurstLanesMax> numbers_;
  std::size_t size_ = 0;
};

template <class Predicate>
LaneList select_lanes(const RequestBurst& burst, Predicate&& predicate) noexcept {
  PSSST_ASSERT(burst.size <= kBurstLanesMax);
  LaneList lanes;
  for (std::size_t lane = 0; lane < burst.size; ++lane) {
    if (burst.drop[lane] == DropReason::kNone && predicate(lane)) lanes.add(lane);
  }
  return lanes;
}

LaneList live_lanes(const RequestBurst& burst) noexcept {
  return select_lanes(burst, [](std::size_t) { return true; });
}

LaneList lanes_of_suite(const RequestBurst& burst, std::uint16_t suite) noexcept {
  return select_lanes(burst, [&](std::size_t lane) { return burst.suite[lane] == suite; });
}

LaneList authenticated_lanes(const RequestBurst& burst) noexcept {
  return select_lanes(burst, [&](std::size_t lane) { return burst.authenticated[lane] != 0; });
}

LaneList authenticated_lanes(const RequestBurst& burst, std::uint16_t suite) noexcept {
  return select_lanes(burst, [&](std::size_t lane) {
    return burst.authenticated[lane] != 0 && burst.suite[lane] == suite;
  });
}

/// A dropped lane offers nothing more to its readers.
void drop_lane(RequestBurst& burst, std::size_t lane, DropReason reason) noexcept {
  burst.drop[lane] = reason;
  burst.message[lane] = nullptr;
  burst.message_size[lane] = 0;
  burst.client[lane] = nullptr;
}

void set_error(std::string* error, const base::Error& cause) {
  if (error != nullptr) *error = cause.to_string();
}

base::Error no_kernel(std::string_view name) {
  std::string known;
  for (const crypto::X25519Kernel& kernel : crypto::x25519_kernels()) {
    if (!kernel.supported()) continue;
    known += known.empty() ? "" : ", ";
    known += kernel.name;
  }
  return {.what = "there is no such X25519 kernel, or this CPU does not run it",
          .where = std::string(name),
          .remedy = "this CPU runs: " + known};
}

}  // namespace

/// In secret pages: `results` are secrets for the length of a stage, and so is what `proofs` holds.
struct RequestProcessor::Impl {
  Impl(const crypto::X25519Kernel& chosen, std::unique_ptr<crypto::SymmetricEngine>&& owned,
       std::unique_ptr<protocol::ProofCache>&& cache, protocol::StaticSecrets&& secrets,
       protocol::HedgedBytes&& hedged) noexcept
      : kernel(chosen),
        engine(std::move(owned)),
        snonces(std::move(hedged)),
        proofs(chosen, std::move(cache)),
        static_secrets(chosen, std::move(secrets)),
        f002(*engine) {}

  void prove_suite1(RequestBurst& burst) noexcept;
  void prove_f002(RequestBurst& burst) noexcept;

  const crypto::X25519Kernel& kernel;
  std::unique_ptr<crypto::SymmetricEngine> engine;
  protocol::HedgedBytes snonces;
  std::array<const crypto::X25519Scalar*, kBurstLanesMax> scalars{};
  std::array<const std::uint8_t*, kBurstLanesMax> client_keys{};
  std::array<FoundClient, kBurstLanesMax> found{};
  std::array<DropReason, kBurstLanesMax> client_drops{};  ///< per lane, for suite 0xF002
  protocol::ProofChecker proofs;
  protocol::StaticSecretFinder static_secrets;
  suite_f002::ServerStages f002;
  alignas(64) std::array<Bytes32, kBurstLanesMax> points{};
  alignas(64) std::array<Bytes32, kBurstLanesMax> results{};
};

void RequestProcessor::ImplDeleter::operator()(Impl* impl) const noexcept {
  base::SecretDeleter<Impl>{}(impl);
}

RequestProcessor::RequestProcessor(std::unique_ptr<Impl, ImplDeleter> impl) noexcept
    : impl_(std::move(impl)) {}
RequestProcessor::~RequestProcessor() = default;

std::unique_ptr<RequestProcessor> RequestProcessor::create(std::string_view x25519_kernel,
                                                           std::string* error,
                                                           std::size_t proof_table_memory,
                                                           std::size_t static_secrets_max) {
  const crypto::X25519Kernel* kernel = crypto::select_x25519_kernel(x25519_kernel);
  if (kernel == nullptr) {
    set_error(error, no_kernel(x25519_kernel));
    return nullptr;
  }
  auto engine = crypto::SymmetricEngine::create();
  if (!engine) {
    set_error(error, engine.error());
    return nullptr;
  }
  try {
    auto cache = std::make_unique<protocol::ProofCache>(proof_table_memory,
                                                        crypto::proof_kernel_beside(*kernel).form);
    protocol::StaticSecrets secrets(static_secrets_max);
    std::unique_ptr<Impl, ImplDeleter> impl(
        base::make_secret<Impl>(*kernel, std::move(*engine), std::move(cache), std::move(secrets),
                                protocol::HedgedBytes())
            .release());
    return std::unique_ptr<RequestProcessor>(new RequestProcessor(std::move(impl)));
  } catch (const std::bad_alloc&) {
    set_error(error, {.what = "there is not enough memory for what is remembered of clients",
                      .where = std::to_string(proof_table_memory) + " bytes of proof tables, " +
                               std::to_string(static_secrets_max) + " static secrets",
                      .remedy = "give them less, or none"});
    return nullptr;
  }
}

std::string_view RequestProcessor::x25519_kernel() const noexcept {
  return impl_->kernel.name;
}

std::size_t RequestProcessor::burst_limit() const noexcept {
  return impl_->kernel.burst_limit;
}

const ProofCounts& RequestProcessor::proof_counts() const noexcept {
  return impl_->proofs.counts();
}

const StaticSecretCounts& RequestProcessor::static_secret_counts() const noexcept {
  return impl_->static_secrets.counts();
}

std::size_t RequestProcessor::static_secret_capacity() const noexcept {
  return impl_->static_secrets.capacity();
}

void RequestProcessor::prepare_clients(const ServerKey& key,
                                       std::span<const Identity> clients) noexcept {
  PSSST_ASSERT(key.suite() == kSuiteF002);
  impl_->static_secrets.prepare(key, clients);
}

void RequestProcessor::forget_static_secrets() noexcept {
  impl_->static_secrets.clear();
}

void RequestProcessor::multiply(RequestBurst& burst) noexcept {
  Impl& impl = *impl_;
  const LaneList lanes = live_lanes(burst);
  const std::span numbers = lanes.numbers();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t lane = numbers[i];
    const std::span<const std::uint8_t> datagram(burst.datagram[lane], burst.datagram_size[lane]);
    const std::uint16_t flags = protocol::read_header(datagram.first<kHeaderSize>()).flags;
    burst.authenticated[lane] = (flags & kFlagClientAuth) != 0 ? 1 : 0;
    impl.points[i] = protocol::read_dh(datagram, protocol::layout_of(burst.suite[lane]));
    impl.scalars[i] = &burst.key[lane]->prepared().scalar;
  }
  const LaneMask zero = impl.kernel.multiply(impl.scalars.data(), impl.points.data(),
                                             impl.results.data(), numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    burst.shared_secret[numbers[i]] = impl.results[i];
    if ((zero >> i & 1) != 0) drop_lane(burst, numbers[i], DropReason::kSharedSecretZero);
  }
  base::wipe(impl.results.data(), numbers.size() * sizeof(Bytes32));
}

void RequestProcessor::open(RequestBurst& burst) noexcept {
  crypto::SymmetricEngine& engine = *impl_->engine;
  const LaneList suite1_lanes = lanes_of_suite(burst, kSuite1);
  suite1::derive(engine, burst, suite1_lanes.numbers());
  for (const std::size_t lane : suite1_lanes.numbers()) {
    const DropReason reason = suite1::open_request(engine, burst, lane);
    if (reason != DropReason::kNone) drop_lane(burst, lane, reason);
  }
  const LaneList f002_lanes = lanes_of_suite(burst, kSuiteF002);
  impl_->f002.derive(engine, burst, f002_lanes.numbers());
  for (const std::size_t lane : f002_lanes.numbers()) {
    const DropReason reason = suite_f002::ServerStages::open_request(engine, burst, lane);
    if (reason != DropReason::kNone) drop_lane(burst, lane, reason);
  }
}

void RequestProcessor::identify(RequestBurst& burst, const ClientLookup& clients) noexcept {
  const LaneList lanes = authenticated_lanes(burst);
  const std::span numbers = lanes.numbers();
  if (numbers.empty()) return;
  const std::span keys = std::span(impl_->client_keys).first(numbers.size());
  const std::span found = std::span(impl_->found).first(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    // Every suite puts C first.
    keys[i] = burst.plaintext[numbers[i]].data();
  }
  clients.find(keys, found);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t lane = numbers[i];
    const DropReason reason = found[i].drop;
    burst.identity[lane] = found[i].identity;
    burst.client[lane] = reason == DropReason::kNone ? &burst.identity[lane] : nullptr;
    impl_->client_drops[lane] = reason;
    if (reason != DropReason::kNone && burst.suite[lane] == kSuite1) {
      drop_lane(burst, lane, reason);
    }
  }
  base::wipe(found.data(), found.size_bytes());
}

void RequestProcessor::prove(RequestBurst& burst) noexcept {
  impl_->prove_suite1(burst);
  impl_->prove_f002(burst);
}

void RequestProcessor::Impl::prove_f002(RequestBurst& burst) noexcept {
  const LaneList lanes = authenticated_lanes(burst, kSuiteF002);
  const std::span numbers = lanes.numbers();
  if (numbers.empty()) return;
  std::array<const Bytes32*, kBurstLanesMax> secrets;
  static_secrets.find(burst, numbers, std::span(secrets).first(numbers.size()));
  f002.derive_client(*engine, burst, numbers, secrets.data());
  static_secrets.wipe(numbers.size());
  for (const std::size_t lane : numbers) {
    const DropReason reason = suite_f002::ServerStages::open_client_text(*engine, burst, lane);
    if (burst.client[lane] == nullptr) {
      drop_lane(burst, lane, client_drops[lane]);
    } else if (reason != DropReason::kNone) {
      drop_lane(burst, lane, reason);
    }
  }
}

void RequestProcessor::Impl::prove_suite1(RequestBurst& burst) noexcept {
  const LaneList lanes = authenticated_lanes(burst, kSuite1);
  const std::span numbers = lanes.numbers();
  if (numbers.empty()) return;
  std::array<DropReason, kBurstLanesMax> reasons;
  proofs.check(burst, numbers, std::span(reasons).first(numbers.size()));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (reasons[i] != DropReason::kNone) drop_lane(burst, numbers[i], reasons[i]);
  }
}

void RequestProcessor::seal(RequestBurst& burst) noexcept {
  const LaneList lanes =
      select_lanes(burst, [&](std::size_t lane) { return burst.has_reply[lane] != 0; });
  LaneList f002_lanes;
  for (const std::size_t lane : lanes.numbers()) {
    // Sealed once more, the text would come out in the clear.
    PSSST_ASSERT(burst.reply_datagram_size[lane] == 0);
    if (burst.reply_size[lane] > burst.reply_space(lane).size()) {
      drop_lane(burst, lane, DropReason::kReplyTooLong);
    } else if (burst.suite[lane] == kSuite1) {
      suite1::seal_reply(*impl_->engine, burst, lane);
    } else {
      f002_lanes.add(lane);
    }
  }
  if (f002_lanes.numbers().empty()) return;
  suite_f002::ServerStages::draw_snonces(*impl_->engine, impl_->snonces, burst,
                                         f002_lanes.numbers());
  impl_->f002.seal_replies(*impl_->engine, burst, f002_lanes.numbers());
}

void RequestProcessor::wipe_secrets(RequestBurst& burst) noexcept {
  PSSST_ASSERT(burst.size <= kBurstLanesMax);
  impl_->engine->clear_keys();
  for (std::size_t lane = 0; lane < burst.size; ++lane) {
    base::wipe(burst.plaintext[lane].data(), burst.datagram_size[lane] - kOverheadSize);
    burst.message[lane] = nullptr;
    burst.message_size[lane] = 0;
    burst.client[lane] = nullptr;
    // What a handler wrote stays in the clear unless seal() has encrypted it in place.
    const bool sealed = burst.reply_datagram_size[lane] != 0;
    if (burst.has_reply[lane] != 0 && !sealed) base::wipe_object(burst.reply[lane]);
  }
  // Who called is a secret too: in suite 0xF002 the wire does not show it.
  base::wipe(burst.identity.data(), burst.size * sizeof(Identity));
  base::wipe(burst.shared_secret.data(), burst.size * sizeof(Bytes32));
  base::wipe(burst.key_material.data(), burst.size * sizeof(Bytes32));
  base::wipe(burst.reply_secret.data(), burst.size * sizeof burst.reply_secret.front());
}

}  // namespace pssst
