#include "crypto/sha256.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/assert.hpp"
#include "base/cpu_features.hpp"
#include "base/secret_memory.hpp"
#include "crypto/ipsec_mb.hpp"
#include "crypto/sha256_kernels.hpp"
#include "crypto/sha256_workspace.hpp"

namespace pssst::crypto {
namespace {

using State = std::array<std::uint32_t, 8>;
using Pointers = std::array<const std::uint8_t*, kX25519LanesMax>;
using StatePointers = std::array<std::uint32_t*, kX25519LanesMax>;

constexpr std::size_t kLengthSize = 8;  ///< of the message's length in bits, at its padding's end

constexpr std::size_t padded_size(std::size_t size) noexcept {
  return (size + 1 + kLengthSize + kSha256BlockSize - 1) / kSha256BlockSize * kSha256BlockSize;
}

/// The end of a message's last block: a bit, zeros, and the length of all that was hashed.
struct Padding {
  Padding(std::size_t size, std::size_t hashed_before) noexcept
      : bytes_size(padded_size(size) - size) {
    bytes.front() = 0x80;
    const std::uint64_t bits = 8 * (hashed_before + size);
    for (std::size_t i = 0; i < kLengthSize; ++i) {
      bytes[bytes_size - 1 - i] = static_cast<std::uint8_t>(bits >> 8 * i);
    }
  }

  std::array<std::uint8_t, kSha256BlockSize + kLengthSize> bytes{};
  std::size_t bytes_size;
};

std::size_t message_size(std::span<const MessagePart> message) noexcept {
  std::size_t size = 0;
  for (const MessagePart& part : message) size += part.size;
  return size;
}

/// Most parts are keys, points and digests: without a call to the C library.
inline void copy(std::uint8_t* to, const std::uint8_t* from, std::size_t size) noexcept {
  if (size == kSha256Size) {
    std::memcpy(to, from, kSha256Size);
  } else {
    std::memcpy(to, from, size);
  }
}

/// Part by part into each lane's blocks, and the padding behind. Returns the unpadded size.
std::size_t gather(Sha256Workspace& workspace, std::span<const MessagePart> message,
                   std::size_t hashed_before, std::size_t n) noexcept {
  const std::size_t size = message_size(message);
  PSSST_ASSERT(n <= kX25519LanesMax && size > 0 && size <= kLaneMessageSizeMax);
  const Padding padding(size, hashed_before);
  workspace.lane_size = padded_size(size);
  for (std::size_t lane = 0; lane < n; ++lane) {
    std::uint8_t* to = workspace.lane(lane);
    for (const MessagePart& part : message) {
      if (part.size == 0) continue;
      copy(to, part.common != nullptr ? part.common : part.of_lane[lane], part.size);
      to += part.size;
    }
    std::memcpy(to, padding.bytes.data(), padding.bytes_size);
  }
  return size;
}

void write_big_endian(const State& state, std::uint8_t* bytes, std::size_t size) noexcept {
  State swapped;
  std::transform(state.begin(), state.end(), swapped.begin(),
                 [](std::uint32_t word) noexcept { return __builtin_bswap32(word); });
  std::memcpy(bytes, swapped.data(), size);
}

// The kernel of SHA-NI.

void absorb(Sha256Workspace& workspace, std::uint32_t* const* states, std::size_t count,
            std::size_t n) noexcept {
  Pointers blocks;
  for (std::size_t i = 0; i < n; ++i) blocks[i] = workspace.lane(i);
  sha256_compress_sha_ni(states, blocks.data(), count, n);
}

void absorb(Sha256Workspace& workspace, std::size_t count, std::size_t n) noexcept {
  StatePointers states;
  for (std::size_t i = 0; i < n; ++i) states[i] = workspace.states[i].data();
  absorb(workspace, states.data(), count, n);
}

void hash(Sha256Workspace& workspace, std::size_t size, std::uint8_t* const* digests,
          std::size_t n) noexcept {
  std::fill_n(workspace.states.begin(), n, kSha256InitialState);
  absorb(workspace, padded_size(size) / kSha256BlockSize, n);
  for (std::size_t i = 0; i < n; ++i)
    write_big_endian(workspace.states[i], digests[i], kSha256Size);
}

void make_hmac_keys(Sha256Workspace& workspace, HmacKey* const* out, std::size_t n) noexcept {
  const auto absorb_block = [&](State HmacKey::*state, std::uint8_t change) {
    StatePointers states;
    for (std::size_t lane = 0; lane < n; ++lane) {
      out[lane]->*state = kSha256InitialState;
      states[lane] = (out[lane]->*state).data();
      std::uint8_t* const block = workspace.lane(lane);
      for (std::size_t i = 0; i < kSha256BlockSize; ++i) block[i] ^= change;
    }
    absorb(workspace, states.data(), 1, n);
  };
  absorb_block(&HmacKey::inner, 0x36);
  absorb_block(&HmacKey::outer, 0x36 ^ 0x5c);
}

void hmac(Sha256Workspace& workspace, const HmacKey* const* keys, std::size_t size,
          std::uint8_t* const* macs, std::size_t mac_size, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) workspace.states[i] = keys[i]->inner;
  absorb(workspace, padded_size(size) / kSha256BlockSize, n);
  const Padding padding(kSha256Size, kSha256BlockSize);
  for (std::size_t i = 0; i < n; ++i) {
    std::uint8_t* const block = workspace.lane(i);
    write_big_endian(workspace.states[i], block, kSha256Size);
    std::memcpy(block + kSha256Size, padding.bytes.data(), padding.bytes_size);
    workspace.states[i] = keys[i]->outer;
  }
  absorb(workspace, 1, n);
  for (std::size_t i = 0; i < n; ++i) write_big_endian(workspace.states[i], macs[i], mac_size);
}

constexpr Sha256Functions kSha256OverShaNi{
    .hash = hash, .make_hmac_keys = make_hmac_keys, .hmac = hmac};

bool has_sha_ni() noexcept {
  return base::cpu_features().sha && base::cpu_features().sse42;
}

bool has_ipsec_mb() noexcept {
  return base::cpu_features().aes && base::cpu_features().pclmul && base::cpu_features().sse42;
}

// Best first.
constexpr std::array kKernels{
    Sha256Kernel{.name = "sha_ni", .supported = has_sha_ni, .functions = kSha256OverShaNi},
    Sha256Kernel{.name = "ipsec_mb", .supported = has_ipsec_mb, .functions = sha256_over_ipsec_mb},
};

}  // namespace

struct Sha256Engine::Impl {
  explicit Impl(const Sha256Kernel& chosen) noexcept : kernel(chosen) {}

  /// What a batch of n lanes has left.
  void wipe(std::size_t n) noexcept {
    base::wipe(workspace.blocks.data(), n * workspace.lane_size);
    base::wipe(workspace.states.data(), n * sizeof workspace.states.front());
    base::wipe(workspace.digests.data(), n * sizeof workspace.digests.front());
    base::wipe_stack();
  }

  const Sha256Kernel& kernel;
  ipsec_mb::Manager manager;
  std::uint64_t blocks = 0;
  Sha256Workspace workspace{};
};

void Sha256Engine::ImplDeleter::operator()(Impl* impl) const noexcept {
  base::SecretDeleter<Impl>()(impl);
}

Sha256Engine::Sha256Engine(std::unique_ptr<Impl, ImplDeleter> impl) noexcept
    : impl_(std::move(impl)) {}

Sha256Engine::~Sha256Engine() = default;

std::span<const Sha256Kernel> sha256_kernels() noexcept {
  return kKernels;
}

base::Result<std::unique_ptr<Sha256Engine>> Sha256Engine::create(std::string_view kernel) {
  const auto* const found =
      std::find_if(kKernels.begin(), kKernels.end(), [kernel](const Sha256Kernel& k) noexcept {
        return (kernel.empty() || k.name == kernel) && k.supported();
      });
  if (found == kKernels.end()) {
    return base::fail("there is no such SHA-256 kernel, or this CPU does not run it",
                      std::string(kernel), "choose sha_ni or ipsec_mb, as the CPU has it");
  }
  std::unique_ptr<Impl, ImplDeleter> impl(base::make_secret<Impl>(*found).release());
  if (&impl->kernel.functions == &sha256_over_ipsec_mb) {
    if (auto done = impl->manager.initialise(ipsec_mb::initialise_auto); !done) {
      return tl::unexpected(done.error());
    }
    impl->workspace.manager = impl->manager.get();
  }
  return std::unique_ptr<Sha256Engine>(new Sha256Engine(std::move(impl)));
}

std::string_view Sha256Engine::kernel() const noexcept {
  return impl_->kernel.name;
}

std::uint64_t Sha256Engine::blocks() const noexcept {
  return impl_->blocks;
}

void Sha256Engine::hash(std::span<const MessagePart> message, std::uint8_t* const* digests,
                        std::size_t n) noexcept {
  const std::size_t size = gather(impl_->workspace, message, 0, n);
  impl_->kernel.functions.hash(impl_->workspace, size, digests, n);
  impl_->blocks += n * padded_size(size) / kSha256BlockSize;
  impl_->wipe(n);
}

void Sha256Engine::make_hmac_keys(const std::uint8_t* const* keys, HmacKey* const* out,
                                  std::size_t n) noexcept {
  PSSST_ASSERT(n <= kX25519LanesMax);
  Sha256Workspace& workspace = impl_->workspace;
  workspace.lane_size = kSha256BlockSize;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint8_t* const block = workspace.lane(i);
    std::memcpy(block, keys[i], kSha256Size);
    std::memset(block + kSha256Size, 0, kSha256BlockSize - kSha256Size);
  }
  impl_->kernel.functions.make_hmac_keys(workspace, out, n);
  impl_->blocks += 2 * n;
  impl_->wipe(n);
}

void Sha256Engine::make_hmac_key(std::span<const std::uint8_t> key, HmacKey& out) noexcept {
  Sha256Workspace& workspace = impl_->workspace;
  workspace.lane_size = kSha256BlockSize;
  if (key.size() > kSha256BlockSize) {
    const MessagePart message = MessagePart::same(key);
    const std::size_t size = gather(workspace, {&message, 1}, 0, 1);
    std::uint8_t* const digest = workspace.digests.front().data();
    impl_->kernel.functions.hash(workspace, size, &digest, 1);
    impl_->blocks += padded_size(size) / kSha256BlockSize;
    key = workspace.digests.front();
  }
  std::uint8_t* const block = workspace.lane(0);
  std::memset(block, 0, kSha256BlockSize);
  if (!key.empty()) std::memcpy(block, key.data(), key.size());
  HmacKey* const key_out = &out;
  impl_->kernel.functions.make_hmac_keys(workspace, &key_out, 1);
  impl_->blocks += 2;
  impl_->wipe(1);
}

void Sha256Engine::hmac(const HmacKey* const* keys, std::span<const MessagePart> message,
                        std::uint8_t* const* macs, std::size_t mac_size, std::size_t n) noexcept {
  PSSST_ASSERT(mac_size <= kSha256Size);
  const std::size_t size = gather(impl_->workspace, message, kSha256BlockSize, n);
  impl_->kernel.functions.hmac(impl_->workspace, keys, size, macs, mac_size, n);
  impl_->blocks += n * (padded_size(size) / kSha256BlockSize + 1);
  impl_->wipe(n);
}

}  // namespace pssst::crypto
