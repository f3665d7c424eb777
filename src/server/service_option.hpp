/// The --service option of pssstd.
#pragma once

#include <string>

#include "base/error.hpp"
#include "server/config/service.hpp"

namespace pssst::server {

/// port=UDP_PORT,handler=NAME,key=FILE and what may follow; looks at no file. An Error is a mistake
/// of usage.
base::Result<ServiceSettings> parse_service(const std::string& text);

}  // namespace pssst::server
