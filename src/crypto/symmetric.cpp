#include "crypto/symmetric.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/assert.hpp"
#include "base/cpu_features.hpp"
#include "base/secret_memory.hpp"
#include "crypto/ipsec_mb.hpp"

namespace pssst::crypto {
namespace {

std::string_view architecture_name(const IMB_MGR& manager) noexcept {
  switch (manager.used_arch) {
    case IMB_ARCH_AVX512:
      return "AVX512";
    case IMB_ARCH_AVX2:
      return "AVX2";
    case IMB_ARCH_AVX:
      return "AVX";
    case IMB_ARCH_SSE:
      return "SSE";
    default:
      return "none";
  }
}

/// One architecture's AES-128-GCM. Its functions use nothing of the manager that names them.
struct Gcm {
  std::string_view architecture = "none";
  aes_gcm_pre_t expand = nullptr;
  aes_gcm_enc_dec_t seal = nullptr;
  aes_gcm_enc_dec_t open = nullptr;
  std::size_t expanded_size = 0;  ///< bytes of a gcm_key_data that `expand` writes
};

/// The end of what `expand` writes. The layout is the library's own affair, and so it is looked at:
/// a byte of an expanded key is not both of two fillings.
std::size_t measure_expanded_size(aes_gcm_pre_t expand) {
  alignas(64) gcm_key_data key;
  std::size_t size = 0;
  for (const int filling : {0x00, 0xff}) {
    std::memset(&key, filling, sizeof key);
    expand(std::array<std::uint8_t, kAesKeySize>{}.data(), &key);
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(&key), sizeof key);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != filling) size = std::max(size, i + 1);
    }
  }
  return size;
}

Gcm gcm_of(const IMB_MGR& manager) {
  return {.architecture = architecture_name(manager),
          .expand = manager.gcm128_pre,
          .seal = manager.gcm128_enc,
          .open = manager.gcm128_dec,
          .expanded_size = measure_expanded_size(manager.gcm128_pre)};
}

/// Texts up to this many bytes are short. With vectors of 512 bits the library prepares 48 powers
/// of the hash key, which takes nearly twice as long as eight; opening and sealing wins that back
/// from here on (AMD Zen 5).
constexpr std::size_t kShortTextMax = 256;

}  // namespace

struct SymmetricEngine::Impl {
  [[nodiscard]] const Gcm& gcm_for(std::size_t text_size) const noexcept {
    return text_size <= kShortTextMax ? short_gcm : long_gcm;
  }

  Gcm short_gcm;
  Gcm long_gcm;
  std::unique_ptr<Sha256Engine> sha256;
  std::array<const Gcm*, kKeySlots> key_owners{};  ///< who expanded the slot's key; null: none
  std::size_t slots_used = 0;                      ///< all others are empty
  // Its declaration asks for no alignment, its code does.
  struct alignas(64) Key : gcm_key_data {};
  std::array<Key, kKeySlots> keys;
  alignas(64) gcm_context_data context;
  /// Secret: the tag of a forgery is what its forger wants to know.
  std::array<std::uint8_t, kGcmTagSize> computed_tag;
};

void SymmetricEngine::ImplDeleter::operator()(Impl* impl) const noexcept {
  base::SecretDeleter<Impl>()(impl);
}

SymmetricEngine::SymmetricEngine(std::unique_ptr<Impl, ImplDeleter> impl) noexcept
    : impl_(std::move(impl)) {}

SymmetricEngine::~SymmetricEngine() = default;

base::Result<std::unique_ptr<SymmetricEngine>> SymmetricEngine::create(
    std::string_view sha256_kernel) {
  const base::CpuFeatures& cpu = base::cpu_features();
  if (!cpu.sse42 || !cpu.aes || !cpu.pclmul) {
    return base::fail("the CPU lacks AES-NI, PCLMULQDQ or SSE4.2", base::cpu_name(),
                      "run on a CPU that has them, or have the hypervisor pass them through");
  }
  std::unique_ptr<Impl, ImplDeleter> impl(base::make_secret<Impl>().release());
  {
    ipsec_mb::Manager gcm;
    if (auto done = gcm.initialise(ipsec_mb::initialise_auto); !done)
      return tl::unexpected(done.error());
    impl->long_gcm = gcm_of(*gcm.get());
  }
  impl->short_gcm = impl->long_gcm;
  if (cpu.avx512f) {
    ipsec_mb::Manager gcm;
    if (auto done = gcm.initialise(init_mb_mgr_avx2); !done) return tl::unexpected(done.error());
    impl->short_gcm = gcm_of(*gcm.get());
  }
  auto sha256 = Sha256Engine::create(sha256_kernel);
  if (!sha256) return tl::unexpected(sha256.error());
  impl->sha256 = std::move(*sha256);
  return std::unique_ptr<SymmetricEngine>(new SymmetricEngine(std::move(impl)));
}

Sha256Engine& SymmetricEngine::sha256() noexcept {
  return *impl_->sha256;
}

void SymmetricEngine::set_key(std::size_t slot, std::span<const std::uint8_t, kAesKeySize> key,
                              std::size_t text_size) noexcept {
  PSSST_ASSERT(slot < kKeySlots);
  gcm_key_data& expanded = impl_->keys[slot];
  const Gcm*& owner = impl_->key_owners[slot];
  // The first round key is the key itself (FIPS 197, section 5.2).
  if (owner != nullptr &&
      base::equal_constant_time(expanded.expanded_keys, key.data(), kAesKeySize)) {
    return;
  }
  const Gcm& gcm = impl_->gcm_for(text_size);
  if (owner != nullptr) base::wipe(&expanded, owner->expanded_size);
  owner = &gcm;
  gcm.expand(key.data(), &expanded);
  impl_->slots_used = std::max(impl_->slots_used, slot + 1);
}

void SymmetricEngine::clear_keys() noexcept {
  for (std::size_t slot = 0; slot < impl_->slots_used; ++slot) {
    const Gcm*& owner = impl_->key_owners[slot];
    if (owner != nullptr) base::wipe(&impl_->keys[slot], owner->expanded_size);
    owner = nullptr;
  }
  impl_->slots_used = 0;
  base::wipe_object(impl_->context);
  base::wipe_object(impl_->computed_tag);
}

void SymmetricEngine::seal(std::size_t slot, std::span<const std::uint8_t, kGcmNonceSize> nonce,
                           std::span<const std::uint8_t> aad, const std::uint8_t* in, std::size_t n,
                           std::uint8_t* out, std::span<std::uint8_t, kGcmTagSize> tag) noexcept {
  PSSST_ASSERT(slot < kKeySlots && impl_->key_owners[slot] != nullptr);
  impl_->key_owners[slot]->seal(&impl_->keys[slot], &impl_->context, out, in, n, nonce.data(),
                                aad.data(), aad.size(), tag.data(), tag.size());
}

bool SymmetricEngine::open(std::size_t slot, std::span<const std::uint8_t, kGcmNonceSize> nonce,
                           std::span<const std::uint8_t> aad, const std::uint8_t* in, std::size_t n,
                           std::span<const std::uint8_t, kGcmTagSize> tag,
                           std::uint8_t* out) noexcept {
  PSSST_ASSERT(slot < kKeySlots && impl_->key_owners[slot] != nullptr);
  // The library decrypts whatever it is given and only computes the tag.
  std::array<std::uint8_t, kGcmTagSize>& computed = impl_->computed_tag;
  impl_->key_owners[slot]->open(&impl_->keys[slot], &impl_->context, out, in, n, nonce.data(),
                                aad.data(), aad.size(), computed.data(), computed.size());
  const bool genuine = base::equal_constant_time(computed.data(), tag.data(), kGcmTagSize);
  if (!genuine) base::wipe(out, n);
  return genuine;
}

std::string_view SymmetricEngine::gcm_architecture(std::size_t text_size) const noexcept {
  return impl_->gcm_for(text_size).architecture;
}

}  // namespace pssst::crypto
