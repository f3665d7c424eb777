#include "crypto/symmetric.hpp"

#include <intel-ipsec-mb.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/assert.hpp"
#include "base/cpu_features.hpp"
#include "base/secret_memory.hpp"

namespace pssst::crypto {
namespace {

/// An IPsec-MB manager in secret pages of its own: keys and digests pass through its memory.
class Manager {
 public:
  Manager() noexcept = default;
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { base::free_secret_pages(pages_, size_); }

  using Initialiser = void (*)(IMB_MGR*);

  /// Once. Allocates, and runs the library's self-test.
  base::Result<void> initialise(Initialiser initialiser) {
    size_ = imb_get_mb_mgr_size();
    pages_ = base::allocate_secret_pages(size_);
    manager_ = imb_set_pointers_mb_mgr(pages_, 0, 1);
    if (manager_ == nullptr) return error("cannot use the memory that it was given");
    initialiser(manager_);
    const int code = imb_get_errno(manager_);
    if (code != 0) return error(imb_get_strerror(code));
    const std::uint64_t features = manager_->features;
    if ((features & IMB_FEATURE_SELF_TEST) != 0 && (features & IMB_FEATURE_SELF_TEST_PASS) == 0) {
      return error("self-test failed");
    }
    return {};
  }

  [[nodiscard]] IMB_MGR* get() const noexcept { return manager_; }

 private:
  static tl::unexpected<base::Error> error(std::string what) {
    return base::fail(std::move(what), std::string("IPsec-MB ") + imb_get_version_str(),
                      "install the distribution's libipsec-mb again");
  }

  void* pages_ = nullptr;
  IMB_MGR* manager_ = nullptr;
  std::size_t size_ = 0;
};

void initialise_auto(IMB_MGR* manager) noexcept {
  init_mb_mgr_auto(manager, nullptr);
}

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
/// of the hash key, which takes about 120 cycles longer than eight, and wins that back from here
/// on.
constexpr std::size_t kShortTextMax = 256;

/// Jobs that `job` and those behind it have completed.
std::size_t count_completed(IMB_MGR* manager, const IMB_JOB* job) noexcept {
  std::size_t completed = 0;
  for (; job != nullptr; job = IMB_GET_COMPLETED_JOB(manager)) {
    completed += job->status == IMB_STATUS_COMPLETED ? 1 : 0;
  }
  return completed;
}

}  // namespace

struct SymmetricEngine::Impl {
  [[nodiscard]] const Gcm& gcm_for(std::size_t text_size) const noexcept {
    return text_size <= kShortTextMax ? short_gcm : long_gcm;
  }

  Gcm short_gcm;
  Gcm long_gcm;
  Manager sha256;
  std::array<const Gcm*, kKeySlots> key_owners{};  ///< who expanded the slot's key; null: none
  std::size_t slots_used = 0;                      ///< all others are empty
  // Its declaration asks for no alignment, its code does.
  struct alignas(64) Key : gcm_key_data {};
  std::array<Key, kKeySlots> keys;
  alignas(64) gcm_context_data context;
  /// Secret: the tag of a forgery is what its forger wants to know.
  std::array<std::uint8_t, kGcmTagSize> computed_tag;
  alignas(64) std::array<std::array<Bytes32, 2>, kX25519LanesMax> hash_input;
};

void SymmetricEngine::ImplDeleter::operator()(Impl* impl) const noexcept {
  base::SecretDeleter<Impl>()(impl);
}

SymmetricEngine::SymmetricEngine(std::unique_ptr<Impl, ImplDeleter> impl) noexcept
    : impl_(std::move(impl)) {}

SymmetricEngine::~SymmetricEngine() = default;

base::Result<std::unique_ptr<SymmetricEngine>> SymmetricEngine::create() {
  const base::CpuFeatures& cpu = base::cpu_features();
  if (!cpu.sse42 || !cpu.aes || !cpu.pclmul) {
    return base::fail("the CPU lacks AES-NI, PCLMULQDQ or SSE4.2", base::cpu_name(),
                      "run on a CPU that has them, or have the hypervisor pass them through");
  }
  std::unique_ptr<Impl, ImplDeleter> impl(base::make_secret<Impl>().release());
  {
    Manager gcm;
    if (auto done = gcm.initialise(initialise_auto); !done) return tl::unexpected(done.error());
    impl->long_gcm = gcm_of(*gcm.get());
  }
  impl->short_gcm = impl->long_gcm;
  if (cpu.avx512f) {
    Manager gcm;
    if (auto done = gcm.initialise(init_mb_mgr_avx2); !done) return tl::unexpected(done.error());
    impl->short_gcm = gcm_of(*gcm.get());
  }
  // For 64 bytes two SHA-NI lanes beat eight or sixteen vector lanes, and the library puts SHA-NI
  // behind the SSE manager alone.
  if (auto done = impl->sha256.initialise(cpu.sha ? init_mb_mgr_sse : initialise_auto); !done) {
    return tl::unexpected(done.error());
  }
  return std::unique_ptr<SymmetricEngine>(new SymmetricEngine(std::move(impl)));
}

void SymmetricEngine::sha256_pairs(const Bytes32* const* first, const Bytes32* const* second,
                                   Bytes32* const* digests, std::size_t n) noexcept {
  PSSST_ASSERT(n <= kX25519LanesMax);
  IMB_MGR* const manager = impl_->sha256.get();
  std::size_t completed = 0;
  for (std::size_t i = 0; i < n; ++i) {
    auto& input = impl_->hash_input[i];
    // One by one: an aggregate would pass through the stack.
    input[0] = *first[i];
    input[1] = *second[i];
    IMB_JOB* const job = IMB_GET_NEXT_JOB(manager);
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = input.front().data();
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = sizeof input;
    job->auth_tag_output = digests[i]->data();
    job->auth_tag_output_len_in_bytes = sizeof(Bytes32);
    completed += count_completed(manager, IMB_SUBMIT_JOB_NOCHECK(manager));
  }
  while (const IMB_JOB* job = IMB_FLUSH_JOB(manager)) completed += count_completed(manager, job);
  PSSST_ASSERT(completed == n);
  base::wipe(impl_->hash_input.data(), n * sizeof impl_->hash_input.front());
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

std::string_view SymmetricEngine::sha256_architecture() const noexcept {
  return architecture_name(*impl_->sha256.get());
}

}  // namespace pssst::crypto
