/// The keys of [dpdk].
#pragma once

#include <array>

#include "server/config/configuration_keys.hpp"

namespace pssst::server {

extern const std::array<Key<Configuration>, 16> dpdk_keys;

}  // namespace pssst::server
