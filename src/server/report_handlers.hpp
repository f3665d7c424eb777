/// What reports say of handlers that are not built in.
#pragma once

#include <span>

#include "pssst/handler.hpp"
#include "server/report.hpp"

namespace pssst::server {

/// Of all these workers together.
[[nodiscard]] Report::Later later_of(std::span<const WorkerSource> sources);

/// The backends of `handler`, or of those that it hands messages to.
[[nodiscard]] std::vector<Report::Backend> backends_of(const Handler& handler);

}  // namespace pssst::server
