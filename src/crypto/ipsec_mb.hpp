/// IPsec-MB's managers, for those files of this folder that use the library.
#pragma once

#include <intel-ipsec-mb.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret_memory.hpp"

namespace pssst::crypto::ipsec_mb {

/// A manager in secret pages of its own: keys and digests pass through its memory.
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

  /// Null before it is initialised.
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

/// The best architecture that this CPU has.
inline void initialise_auto(IMB_MGR* manager) noexcept {
  init_mb_mgr_auto(manager, nullptr);
}

}  // namespace pssst::crypto::ipsec_mb
