#include "server/identities.hpp"

#include <chrono>
#include <csignal>
#include <utility>

#include "identity/store_source.hpp"
#include "server/log.hpp"
#include "server/service_manager.hpp"

namespace pssst::server {
namespace {

using identity::FollowerAlarm;
using identity::FollowerStatus;

/// How often a long load is told of.
constexpr std::chrono::seconds kProgressInterval{5};

identity::FollowerSettings follower_settings(const IdentityOptions& options) {
  identity::FollowerSettings settings;
  settings.stale = options.stale;
  settings.stale_after = options.stale_after;
  settings.serve_while_loading = options.serve_while_loading;
  return settings;
}

bool told_to_end() noexcept {
  sigset_t pending;
  return sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

std::string progress_of(const FollowerStatus& status) {
  return "loading clients: " + std::to_string(status.records_loaded) + " of about " +
         std::to_string(status.records_expected);
}

}  // namespace

Identities::Identities(const IdentityOptions& options, base::Quiescence& readers)
    : directory_(readers),
      follower_(directory_, std::make_unique<identity::StoreSource>(options.store),
                follower_settings(options)) {}

Identities::~Identities() = default;

base::Result<std::unique_ptr<Identities>> Identities::start(const IdentityOptions& options,
                                                            base::Quiescence& readers) {
  std::unique_ptr<Identities> identities(new Identities(options, readers));
  identities->follower_.start();
  if (!options.serve_while_loading) {
    if (auto loaded = identities->wait_until_loaded(); !loaded) {
      return tl::unexpected(std::move(loaded.error()));
    }
  }
  return identities;
}

base::Result<void> Identities::wait_until_loaded() {
  auto told = std::chrono::steady_clock::now();
  bool waiting = false;
  while (!follower_.wait_until_loaded(std::chrono::milliseconds(100))) {
    const FollowerStatus status = follower_.status();
    if (told_to_end()) return base::fail("told to end before the clients were loaded");
    const bool passes = status.alarm == FollowerAlarm::kNone ||
                        status.alarm == FollowerAlarm::kLocked ||
                        status.alarm == FollowerAlarm::kReplaced;
    if (!passes) return base::fail(status.alarm_text);
    if (!std::exchange(waiting, status.alarm != FollowerAlarm::kNone) && waiting) {
      log_warning("clients: " + status.alarm_text);
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - told < kProgressInterval) continue;
    told = now;
    log_info(progress_of(status));
    notify_starting(progress_of(status), 4 * kProgressInterval);
  }
  return {};
}

void Identities::look() {
  FollowerStatus status = follower_.status();
  if (status.alarm != logged_.alarm) {
    if (status.alarm == FollowerAlarm::kNone) {
      log_info("clients: the store is followed again");
    } else {
      log_warning("clients: the last good table stays: " + status.alarm_text);
    }
  }
  if (status.refusing != logged_.refusing) {
    status.refusing ? log_error("clients: the table is too old, nobody is served by it")
                    : log_info("clients: served again");
  }
  if (status.loads != logged_.loads) {
    log_info("clients: loaded " + std::to_string(status.clients) + ", " +
             std::to_string(status.revoked) + " of them revoked; last change " +
             std::to_string(status.sequence));
  }
  logged_ = std::move(status);
}

std::uint64_t count_enrolled(const FollowerStatus& status) noexcept {
  return status.refusing ? 0 : status.clients - status.revoked;
}

}  // namespace pssst::server
