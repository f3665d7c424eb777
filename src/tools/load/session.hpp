/// A load from its first probe to its report.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "pssst/keys.hpp"
#include "tools/load/load_report.hpp"
#include "tools/load/settings.hpp"

namespace pssst::tools::load {

/// Runs it. SIGINT and SIGTERM end the sending early; the report is of what was sent until then.
/// `is_live`: a line on standard error every second. An error if it could not begin; a server that
/// does not answer is none: LoadReport::is_reached is false then.
[[nodiscard]] base::Result<LoadReport> run_load(const Settings& settings, const PublicKey& server,
                                                const std::vector<PrivateKey>& clients,
                                                bool is_live);

}  // namespace pssst::tools::load
