#include "server/report_handlers.hpp"

#include <utility>

#include "server/handler/forward_backend.hpp"
#include "server/handler/forward_handler.hpp"

namespace pssst::server {
namespace {

using telemetry::LaterCounters;

constexpr std::pair<std::string_view, base::Counter LaterCounters::*> kLaterEvents[] = {
    {"asked", &LaterCounters::asked},
    {"answered", &LaterCounters::answered},
    {"answers_twice", &LaterCounters::answers_twice},
    {"answers_late", &LaterCounters::answers_late},
    {"answers_wrong", &LaterCounters::answers_wrong},
};

constexpr std::pair<std::string_view, base::Counter BackendCounters::*> kBackendEvents[] = {
    {"sent", &BackendCounters::sent},
    {"answered", &BackendCounters::answered},
    {"expired", &BackendCounters::expired},
    {"lost", &BackendCounters::lost},
    {"full", &BackendCounters::full},
    {"ejected", &BackendCounters::ejected},
    {"readmitted", &BackendCounters::readmitted},
    {"answers_twice", &BackendCounters::answers_twice},
    {"answers_late", &BackendCounters::answers_late},
    {"answers_wrong", &BackendCounters::answers_wrong},
    {"answers_malformed", &BackendCounters::answers_malformed},
};

Report::Backend describe(const Backend& backend) {
  const BackendCounters& counters = backend.counters();
  Report::Backend described{.address = backend.address(), .is_usable = counters.usable.read() != 0};
  for (const auto& [name, counter] : kBackendEvents) {
    described.events.emplace_back(name, (counters.*counter).read());
  }
  return described;
}

}  // namespace

Report::Later later_of(std::span<const WorkerSource> sources) {
  Report::Later later;
  for (const auto& [name, counter] : kLaterEvents) {
    std::uint64_t sum = 0;
    for (const WorkerSource& source : sources) sum += (source.worker->later.*counter).read();
    later.events.emplace_back(name, sum);
  }
  for (const WorkerSource& source : sources) later.awaited += source.worker->later.awaited.read();
  return later;
}

std::vector<Report::Backend> backends_of(const Handler& handler) {
  std::vector<Report::Backend> backends;
  if (const auto* forward = dynamic_cast<const ForwardHandler*>(&handler)) {
    for (const auto& backend : forward->backends()) backends.push_back(describe(*backend));
  }
  for (const auto& part : handler.parts()) {
    for (Report::Backend& backend : backends_of(*part)) backends.push_back(std::move(backend));
  }
  return backends;
}

}  // namespace pssst::server
