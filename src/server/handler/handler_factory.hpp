/// From what the operator wrote to handlers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "server/config/service.hpp"
#include "server/handler/handler_runtime.hpp"

namespace pssst::server {

/// The handler of a service, or of its message types. Those that are not built in are attached to
/// `runtime`; if that is null they are made as far as it takes to check them, and must not serve.
base::Result<std::shared_ptr<const Handler>> make_service_handler(const ServiceSettings& settings,
                                                                  HandlerRuntime* runtime);

/// What decides the replies of `handler`, which make_service_handler() made of `settings`, beside
/// its traits: for the record of a suite 1 key.
[[nodiscard]] std::vector<std::uint8_t> reply_settings(const ServiceSettings& settings,
                                                       const Handler& handler);

}  // namespace pssst::server
