#include "server/handler/handler_factory.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "server/config/configuration.hpp"
#include "server/handler/forward_handler.hpp"
#include "server/handler/handler_settings.hpp"
#include "server/handler/library_handler.hpp"
#include "server/handler/typed_handler.hpp"
#include "server/handlers.hpp"

namespace pssst::server {
namespace {

/// One handler of a service, whichever way it was described.
struct Wanted {
  std::string service;
  const std::string& handler;
  const std::vector<std::uint8_t>& reply;
  const HandlerOptions& options;
  const MessageTypeSettings* types = nullptr;  ///< null: all messages
};

base::Result<std::shared_ptr<const Handler>> attach(std::unique_ptr<AttachedHandler> handler,
                                                    HandlerRuntime* runtime) {
  if (runtime == nullptr) return std::shared_ptr<const Handler>(std::move(handler));
  auto attached = runtime->attach(std::move(handler));
  if (!attached) return tl::unexpected(attached.error());
  return std::shared_ptr<const Handler>(std::move(*attached));
}

base::Result<std::shared_ptr<const Handler>> make_library_handler(const Wanted& wanted,
                                                                  HandlerRuntime* runtime) {
  const HandlerOptions& options = wanted.options;
  LibrarySettings settings{
      .path = options.library,
      .service = wanted.service,
      .options = options.options,
      .limits = {.deadline = options.deadline, .in_flight = options.in_flight}};
  if (wanted.types != nullptr) settings.types = TypeRange{wanted.types->first, wanted.types->last};
  auto made = LibraryHandler::create(settings, runtime);
  if (!made) return tl::unexpected(made.error());
  return attach(std::move(*made), runtime);
}

base::Result<std::shared_ptr<const Handler>> make_forward_handler(const HandlerOptions& options,
                                                                  HandlerRuntime* runtime) {
  auto made = ForwardHandler::create(
      options.backends, {.deadline = options.deadline, .in_flight = options.in_flight}, runtime);
  if (!made) return tl::unexpected(made.error());
  return attach(std::move(*made), runtime);
}

base::Result<std::shared_ptr<const Handler>> make_one(const Wanted& wanted,
                                                      HandlerRuntime* runtime) {
  if (auto fit = check_handler_settings(wanted.handler, wanted.reply, wanted.options,
                                        "service " + wanted.service);
      !fit) {
    return tl::unexpected(fit.error());
  }
  if (wanted.handler == kLibraryHandler) return make_library_handler(wanted, runtime);
  if (wanted.handler == kForwardHandler) return make_forward_handler(wanted.options, runtime);
  auto made = make_handler(wanted.handler, wanted.reply);
  if (!made) return tl::unexpected(made.error());
  return std::shared_ptr<const Handler>(std::move(*made));
}

void append(std::vector<std::uint8_t>& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
  to.push_back(0);
}

void append_settings(std::vector<std::uint8_t>& to, const std::vector<std::uint8_t>& reply,
                     const HandlerOptions& options) {
  to.insert(to.end(), reply.begin(), reply.end());
  for (const auto& [name, value] : options.options) {
    append(to, name);
    append(to, value);
  }
}

}  // namespace

base::Result<std::shared_ptr<const Handler>> make_service_handler(const ServiceSettings& settings,
                                                                  HandlerRuntime* runtime) {
  const std::string service =
      settings.name.empty() ? default_service_name(settings.udp_port) : settings.name;
  if (settings.types.empty()) {
    return make_one({service, settings.handler, settings.reply, settings.options}, runtime);
  }
  auto typed = std::make_shared<TypedHandler>();
  for (const MessageTypeSettings& one : settings.types) {
    auto part = make_one({service, one.handler, one.reply, one.options, &one}, runtime);
    if (!part) return tl::unexpected(part.error());
    if (auto added = typed->add(one.first, one.last, std::move(*part)); !added) {
      return tl::unexpected(added.error());
    }
  }
  return std::shared_ptr<const Handler>(std::move(typed));
}

bool uses_library(const ServiceSettings& service) noexcept {
  return service.handler == kLibraryHandler ||
         std::ranges::find(service.types, kLibraryHandler, &MessageTypeSettings::handler) !=
             service.types.end();
}

bool uses_libraries(const Configuration& configuration) noexcept {
  return std::ranges::any_of(configuration.services, uses_library);
}

bool has_attached_handler(const ServiceSettings& service) noexcept {
  const auto attached = [](const std::string& name) {
    return name == kLibraryHandler || name == kForwardHandler;
  };
  return attached(service.handler) ||
         std::ranges::any_of(service.types, attached, &MessageTypeSettings::handler);
}

std::size_t later_replies_of(const Configuration& configuration) noexcept {
  return std::ranges::any_of(configuration.services, has_attached_handler)
             ? configuration.later_replies
             : 0;
}

std::vector<std::uint8_t> reply_settings(const ServiceSettings& settings, const Handler& handler) {
  std::vector<std::uint8_t> bytes;
  if (settings.types.empty()) {
    append_settings(bytes, settings.reply, settings.options);
    return bytes;
  }
  for (std::size_t i = 0; i < settings.types.size(); ++i) {
    const MessageTypeSettings& types = settings.types[i];
    const HandlerTraits& traits = handler.parts()[i]->traits();
    bytes.push_back(types.first);
    bytes.push_back(types.last);
    append(bytes, traits.name);
    append(bytes, std::to_string(traits.version));
    append(bytes, std::to_string(traits.reply_size_max));
    append(bytes, std::to_string(types.reply.size()));
    append_settings(bytes, types.reply, types.options);
  }
  return bytes;
}

}  // namespace pssst::server
