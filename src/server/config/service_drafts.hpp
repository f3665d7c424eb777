/// What the services of a configuration file name, and whether they may serve together.
#pragma once

#include <span>

#include "server/config/configuration.hpp"
#include "server/config/configuration_keys.hpp"
#include "server/config/value_reader.hpp"

namespace pssst::server {

/// Reads key files, the list of clients and records of reply functions, and writes down what is
/// wrong with them and with the services together. `clients` is the place of the list's name. Of a
/// service with faults of its own what is left of it is checked.
void check_service_drafts(ValueReader& reader, std::span<const ServiceDraft> drafts,
                          const Configuration& configuration, Place clients);

}  // namespace pssst::server
