#include "server/handler/library_handler.hpp"

#include <algorithm>
#include <string_view>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"

namespace pssst::server {
namespace {

constexpr std::size_t kErrorSize = 256;

pssst_message as_library_sees(const HandlerMessage& message, std::size_t reply_size_max) noexcept {
  const Identity* const client = message.client;
  return {
      .size = sizeof(pssst_message),
      .suite = message.suite,
      .authenticated = static_cast<std::uint8_t>(client != nullptr),
      .reserved = 0,
      .message = message.message.data(),
      .client_key = client == nullptr ? nullptr : client->public_key.data(),
      .metadata = client == nullptr ? nullptr : client->metadata.data(),
      .reply = message.reply_space.data(),
      .message_size = static_cast<std::uint32_t>(message.message.size()),
      .metadata_size = client == nullptr ? 0 : static_cast<std::uint32_t>(client->metadata.size()),
      .reply_capacity =
          static_cast<std::uint32_t>(std::min(reply_size_max, message.reply_space.size())),
      .result = PSSST_NO_REPLY,
      .token = message.token};
}

void take_result(std::int32_t result, HandlerMessage& message) noexcept {
  if (result >= 0) {
    message.reply_size = static_cast<std::size_t>(result);
  } else if (result == PSSST_LATER) {
    message.later = true;
  } else if (result != PSSST_NO_REPLY) {
    message.drop = DropReason::kHandlerMisbehaved;
  }
}

base::Result<void> check_types(const pssst_handler& handler, const LibrarySettings& settings) {
  const std::span declared(handler.types, handler.type_count);
  if (!settings.types || declared.empty()) return {};
  for (std::size_t type = settings.types->first; type <= settings.types->last; ++type) {
    if (std::ranges::find(declared, type) != declared.end()) continue;
    return base::fail("its handler " + std::string(handler.name) +
                          " does not take messages of type " + std::to_string(type),
                      settings.path, "give that type to another handler");
  }
  return {};
}

}  // namespace

HandlerTraits traits_of(const pssst_handler& handler) noexcept {
  const bool replies = (handler.flags & PSSST_SILENT) == 0;
  return {.name = handler.name,
          .version = handler.version,
          .reply_is_pure = (handler.flags & PSSST_PURE) != 0,
          .replies = replies,
          .reply_size_max = replies ? handler.reply_size_max : 0,
          .needs_client = (handler.flags & PSSST_NEEDS_CLIENT) != 0,
          .answers_later = (handler.flags & PSSST_ANSWERS_LATER) != 0};
}

LibraryHandler::LibraryHandler(std::unique_ptr<const LibraryFile> library,
                               const LibrarySettings& settings, HandlerRuntime* runtime)
    : AttachedHandler(runtime == nullptr ? 0 : runtime->workers(), settings.limits),
      library_(std::move(library)),
      settings_(settings),
      runtime_(runtime),
      traits_(traits_of(library_->handler())),
      own_(std::make_unique<Worker[]>(workers())) {
  for (const auto& [name, value] : settings_.options) {
    options_.push_back({.name = name.c_str(), .value = value.c_str()});
  }
  server_ = {.size = sizeof(pssst_server),
             .abi = PSSST_HANDLER_ABI,
             .service = settings_.service.c_str(),
             .options = options_.data(),
             .option_count = static_cast<std::uint32_t>(options_.size()),
             .workers = static_cast<std::uint32_t>(workers()),
             .deadline_ms = static_cast<std::uint32_t>(limits().deadline.count()),
             .error_size = 0,
             .error = nullptr,
             .answer = &LibraryHandler::answer,
             .context = this};
}

base::Result<std::unique_ptr<LibraryHandler>> LibraryHandler::create(
    const LibrarySettings& settings, HandlerRuntime* runtime) {
  auto library = LibraryFile::load(settings.path);
  if (!library) return tl::unexpected(library.error());
  if (auto fit = check_types((*library)->handler(), settings); !fit) {
    return tl::unexpected(fit.error());
  }
  std::unique_ptr<LibraryHandler> made(new LibraryHandler(std::move(*library), settings, runtime));
  if (runtime == nullptr) return made;
  const HandlerRuntime::OffWorkers off(*runtime);
  if (auto initialised = made->init(); !initialised) return tl::unexpected(initialised.error());
  return made;
}

base::Result<void> LibraryHandler::init() {
  const pssst_handler& handler = library_->handler();
  if (handler.init != nullptr) {
    std::array<char, kErrorSize> error{};
    server_.error = error.data();
    server_.error_size = error.size();
    const std::int32_t failed = handler.init(&server_, &state_);
    server_.error = nullptr;
    server_.error_size = 0;
    error.back() = '\0';
    if (failed != 0) {
      const std::string said(error.data());
      return base::fail("its handler could not start" + (said.empty() ? "" : ": " + said),
                        settings_.path + ", for service " + settings_.service);
    }
  }
  initialised_ = true;
  return {};
}

LibraryHandler::~LibraryHandler() {
  const pssst_handler& handler = library_->handler();
  if (initialised_ && handler.fini != nullptr) handler.fini(state_);
}

bool LibraryHandler::start_worker(std::size_t worker) const noexcept {
  const auto start = library_->handler().worker_init;
  return start == nullptr ||
         start(state_, static_cast<std::uint32_t>(worker), &own_[worker].state) == 0;
}

void LibraryHandler::finish_worker(std::size_t worker) const noexcept {
  const auto finish = library_->handler().worker_fini;
  if (finish != nullptr) finish(state_, own_[worker].state);
}

void LibraryHandler::handle_burst(std::size_t worker,
                                  std::span<HandlerMessage> messages) const noexcept {
  if (!serves(worker)) {
    for (HandlerMessage& message : messages) message.drop = DropReason::kHandlerUnavailable;
    return;
  }
  Worker& own = own_[worker];
  PSSST_ASSERT(messages.size() <= own.messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    own.messages[i] = as_library_sees(messages[i], traits_.reply_size_max);
  }
  library_->handler().handle_burst(state_, own.state, own.messages.data(),
                                   static_cast<std::uint32_t>(messages.size()));
  for (std::size_t i = 0; i < messages.size(); ++i) {
    take_result(own.messages[i].result, messages[i]);
    if (messages[i].reply_size) continue;
    // A burst wipes replies; that this is one that its handler thought better of it does not know.
    base::wipe(messages[i].reply_space.data(),
               std::min(traits_.reply_size_max, messages[i].reply_space.size()));
  }
}

std::int32_t LibraryHandler::answer(const pssst_server* server, std::uint64_t token,
                                    const std::uint8_t* reply, std::int32_t size) {
  const auto& self = *static_cast<const LibraryHandler*>(server->context);
  Answer answer{.token = token, .handler = self.place()};
  if (size != PSSST_NO_REPLY) {
    if (size < 0 || !self.traits_.replies ||
        static_cast<std::size_t>(size) > self.traits_.reply_size_max) {
      return PSSST_REPLY_TOO_LONG;
    }
    answer.has_reply = true;
    answer.reply = {reply, static_cast<std::size_t>(size)};
  }
  return self.runtime_->answer(answer);
}

}  // namespace pssst::server
