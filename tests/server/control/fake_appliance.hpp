/// An appliance that says what a test gave it, and remembers what it was told.
#pragma once

#include <optional>

#include "server/appliance.hpp"

namespace pssst::server {

class FakeAppliance final : public Appliance {
 public:
  [[nodiscard]] Report report() override { return next_report; }
  [[nodiscard]] Health health() override { return next_health; }
  [[nodiscard]] ReloadOutcome reload() override {
    ++reloads;
    return next_outcome;
  }
  std::chrono::seconds drain(std::optional<std::chrono::seconds> deadline) override {
    ++drains;
    drain_deadline = deadline;
    return deadline.value_or(std::chrono::seconds(30));
  }

  Report next_report;
  Health next_health;
  ReloadOutcome next_outcome;
  int reloads = 0;
  int drains = 0;
  std::optional<std::chrono::seconds> drain_deadline;
};

}  // namespace pssst::server
