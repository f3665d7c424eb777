#include "crypto/x25519_contenders.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "baseline/openssl_pointer.hpp"

namespace pssst::bench {
namespace {

using crypto::Bytes32;

/// The requests of one burst, and their right answers.
struct Requests {
  Bytes32 private_key{};
  std::vector<Bytes32> points;
  std::vector<Bytes32> expected;
};

using Key = OpensslPointer<EVP_PKEY, EVP_PKEY_free>;
using DeriveContext = OpensslPointer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

std::shared_ptr<const Requests> make_requests() {
  auto requests = std::make_shared<Requests>();
  base::fill_random(requests->private_key);
  requests->points.resize(crypto::kX25519LanesMax);
  requests->expected.resize(crypto::kX25519LanesMax);
  const crypto::X25519Scalar server(requests->private_key);
  std::vector<const crypto::X25519Scalar*> scalars(crypto::kX25519LanesMax, &server);
  for (Bytes32& point : requests->points) {
    Bytes32 client{};
    base::fill_random(client);
    point = crypto::x25519_public(crypto::X25519Scalar(client));
  }
  const crypto::LaneMask zero = crypto::select_x25519_kernel("portable")
                                    ->multiply(scalars.data(), requests->points.data(),
                                               requests->expected.data(), scalars.size());
  PSSST_ASSERT(zero == 0);
  return requests;
}

/// OpenSSL's X25519 one request at a time, all objects that may outlive a request made before.
class Openssl {
 public:
  explicit Openssl(std::shared_ptr<const Requests> requests)
      : requests_(std::move(requests)),
        private_key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr,
                                                  requests_->private_key.data(),
                                                  requests_->private_key.size())),
        context_(EVP_PKEY_CTX_new(private_key_.get(), nullptr)) {
    PSSST_ASSERT(context_ != nullptr && EVP_PKEY_derive_init(context_.get()) == 1);
    set_peer();
  }

  /// A request as a server gets it: the peer's key is new.
  void answer() {
    set_peer();
    derive();
    next_ = (next_ + 1) % requests_->points.size();
  }

  void derive() {
    std::size_t size = result_.size();
    PSSST_ASSERT(EVP_PKEY_derive(context_.get(), result_.data(), &size) == 1);
  }

  [[nodiscard]] std::span<const Bytes32> result() const { return {&result_, 1}; }

 private:
  void set_peer() {
    const Bytes32& point = requests_->points[next_];
    const Key peer(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, point.data(), point.size()));
    // Any 32 bytes are a public key of X25519: there is nothing to validate.
    PSSST_ASSERT(peer != nullptr &&
                 EVP_PKEY_derive_set_peer_ex(context_.get(), peer.get(), 0) == 1);
  }

  std::shared_ptr<const Requests> requests_;
  Key private_key_;
  DeriveContext context_;
  std::size_t next_ = 0;
  Bytes32 result_{};
};

class Sodium {
 public:
  explicit Sodium(std::shared_ptr<const Requests> requests) : requests_(std::move(requests)) {
    PSSST_ASSERT(sodium_init() >= 0);
  }

  void answer() {
    PSSST_ASSERT(crypto_scalarmult_curve25519(result_.data(), requests_->private_key.data(),
                                              requests_->points[next_].data()) == 0);
    next_ = (next_ + 1) % requests_->points.size();
  }

  [[nodiscard]] std::span<const Bytes32> result() const { return {&result_, 1}; }

 private:
  std::shared_ptr<const Requests> requests_;
  std::size_t next_ = 0;
  Bytes32 result_{};
};

/// One of our kernels on a burst of fixed size.
class KernelBurst {
 public:
  KernelBurst(const crypto::X25519Kernel& kernel, std::shared_ptr<const Requests> requests,
              std::size_t lanes)
      : kernel_(kernel),
        requests_(std::move(requests)),
        scalar_(requests_->private_key),
        scalars_(lanes, &scalar_),
        results_(lanes) {}

  void multiply() {
    static_cast<void>(kernel_.multiply(scalars_.data(), requests_->points.data(), results_.data(),
                                       results_.size()));
  }

  void check() {
    const crypto::X25519CheckResult result = kernel_.check(
        scalars_.data(), requests_->points.data(), requests_->expected.data(), results_.size());
    PSSST_ASSERT(result.equal == ~crypto::LaneMask{0} >> (64 - results_.size()));
  }

  [[nodiscard]] std::span<const Bytes32> results() const { return results_; }

 private:
  const crypto::X25519Kernel& kernel_;
  std::shared_ptr<const Requests> requests_;
  crypto::X25519Scalar scalar_;
  std::vector<const crypto::X25519Scalar*> scalars_;
  std::vector<Bytes32> results_;
};

void add_others(std::vector<X25519Contender>& contenders,
                const std::shared_ptr<const Requests>& requests) {
  auto server = std::make_shared<Openssl>(requests);
  contenders.push_back({.name = std::string(kOpensslEvp),
                        .kernel = {},
                        .call = [server] { server->answer(); },
                        .results = [server] { return server->result(); }});
  auto derive = std::make_shared<Openssl>(requests);
  contenders.push_back({.name = std::string(kOpensslDerive),
                        .kernel = {},
                        .call = [derive] { derive->derive(); },
                        .results = [derive] { return derive->result(); }});
  auto sodium = std::make_shared<Sodium>(requests);
  contenders.push_back({.name = std::string(kLibsodium),
                        .kernel = {},
                        .call = [sodium] { sodium->answer(); },
                        .results = [sodium] { return sodium->result(); }});
}

void add_kernel(std::vector<X25519Contender>& contenders,
                const std::shared_ptr<const Requests>& requests, const std::string& name,
                std::size_t lanes) {
  const crypto::X25519Kernel* kernel = crypto::select_x25519_kernel(name);
  PSSST_ASSERT(kernel != nullptr && lanes >= 1 && lanes <= crypto::kX25519LanesMax);
  auto burst = std::make_shared<KernelBurst>(*kernel, requests, lanes);
  contenders.push_back({.name = name,
                        .kernel = name,
                        .lanes = lanes,
                        .call = [burst] { burst->multiply(); },
                        .results = [burst] { return burst->results(); }});
  contenders.push_back({.name = name + " check",
                        .kernel = name,
                        .check = true,
                        .lanes = lanes,
                        .call = [burst] { burst->check(); },
                        .results = [] { return std::span<const Bytes32>(); }});
}

}  // namespace

std::vector<std::string> native_kernels() {
  // What is chosen of itself may be several kernels under one name.
  std::vector<std::string> names{std::string(crypto::select_x25519_kernel({})->name)};
  for (const crypto::X25519Kernel& kernel : crypto::x25519_kernels()) {
    if (kernel.supported() && !kernel.name.ends_with("_model") && kernel.name != names.front()) {
      names.emplace_back(kernel.name);
    }
  }
  return names;
}

std::vector<X25519Contender> make_x25519_contenders(std::span<const std::string> kernels,
                                                    std::span<const std::size_t> lanes) {
  const auto requests = make_requests();
  std::vector<X25519Contender> contenders;
  add_others(contenders, requests);
  for (const std::string& kernel : kernels) {
    for (const std::size_t n : lanes) add_kernel(contenders, requests, kernel, n);
  }
  for (X25519Contender& contender : contenders) {
    contender.call();
    const auto results = contender.results();
    PSSST_ASSERT(std::equal(results.begin(), results.end(), requests->expected.begin()));
  }
  return contenders;
}

std::string openssl_version() {
  return OpenSSL_version(OPENSSL_VERSION);
}

std::string libsodium_version() {
  return std::string("libsodium ") + sodium_version_string();
}

}  // namespace pssst::bench
