/// Exit statuses of `pssst`, the same for every subcommand.
#pragma once

namespace pssst::tools {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;    ///< bad key, unknown host, broken peer, ...
inline constexpr int kExitUsage = 2;    ///< wrong command line
inline constexpr int kExitNoReply = 3;  ///< no good reply in time

}  // namespace pssst::tools
