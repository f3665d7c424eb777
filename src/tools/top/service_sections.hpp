/// Services on the screen of `pssst top`, and who answers for them.
#pragma once

#include "tools/top/sample.hpp"
#include "tools/top/section.hpp"

namespace pssst::tools::top {

/// Each service with its keys, and with the backends that it forwards to.
[[nodiscard]] Section services(const Sample& previous, const Sample& current, double seconds);

/// What handlers answer after the burst, of all services together. No row before the first.
[[nodiscard]] Section later_replies(const Sample& previous, const Sample& current, double seconds);

}  // namespace pssst::tools::top
