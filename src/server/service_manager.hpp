/// What a service manager (systemd) is told: sd_notify(3). Nothing where there is none.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace pssst::server {

/// Serving; again after notify_reloading(). `status`: one line for people.
void notify_ready(const std::string& status);
void notify_reloading();
/// Not ready yet, and not to be given up for so long.
void notify_starting(const std::string& status, std::chrono::microseconds patience);
void notify_status(const std::string& status);
void notify_stopping();
/// All is well.
void notify_watchdog();

/// How often notify_watchdog() is due: half of what the manager waits. Empty: it does not watch.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace pssst::server
