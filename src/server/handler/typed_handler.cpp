#include "server/handler/typed_handler.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace pssst::server {

base::Result<void> TypedHandler::add(std::uint8_t first, std::uint8_t last,
                                     std::shared_ptr<const Handler> handler) {
  for (std::size_t type = first; type <= last; ++type) {
    if (by_type_.at(type) == nullptr) continue;
    return base::fail("two handlers for messages of type " + std::to_string(type),
                      "handler " + std::string(handler->traits().name),
                      "give each type to one of them");
  }
  for (std::size_t type = first; type <= last; ++type) by_type_.at(type) = handler.get();
  const HandlerTraits& part = handler->traits();
  traits_.reply_is_pure = traits_.reply_is_pure && (part.reply_is_pure || !part.replies);
  traits_.replies = traits_.replies || part.replies;
  if (part.replies) traits_.reply_size_max = std::max(traits_.reply_size_max, part.reply_size_max);
  traits_.answers_later = traits_.answers_later || part.answers_later;
  parts_.push_back(std::move(handler));
  return {};
}

void TypedHandler::handle_burst(std::size_t, std::span<HandlerMessage> messages) const noexcept {
  for (HandlerMessage& message : messages) message.drop = DropReason::kMessageType;
}

}  // namespace pssst::server
