/// The enrolled clients of a store, as a server serves them.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/error.hpp"
#include "base/quiescence.hpp"
#include "identity/client_directory.hpp"
#include "identity/follower.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// Follows the store for as long as it lives, on a thread of its own. Workers must have stopped
/// before it ends, or never have started (see Published::leave).
class Identities {
 public:
  /// Returns when the store is loaded, or at once if the options say so; while it is locked by
  /// others, or being replaced, that is waited for, and anything else is an error. So is a signal
  /// to end, if it is blocked: a load may take long. `readers`: the workers' quiescent points.
  static base::Result<std::unique_ptr<Identities>> start(const IdentityOptions& options,
                                                         base::Quiescence& readers);
  Identities(const Identities&) = delete;
  Identities& operator=(const Identities&) = delete;
  ~Identities();

  [[nodiscard]] const identity::ClientDirectory& directory() const noexcept { return directory_; }
  [[nodiscard]] identity::FollowerStatus status() const { return follower_.status(); }

  /// Logs what has become of the store since the last look. One thread.
  void look();

  /// Nothing changes from now on.
  void stop() noexcept { follower_.stop(); }

 private:
  Identities(const IdentityOptions& options, base::Quiescence& readers);

  base::Result<void> wait_until_loaded();

  identity::ClientDirectory directory_;
  identity::Follower follower_;
  identity::FollowerStatus logged_;  ///< as the log has it
};

/// Those in force: neither revoked nor, for want of a good store, refused.
[[nodiscard]] std::uint64_t count_enrolled(const identity::FollowerStatus& status) noexcept;

}  // namespace pssst::server
