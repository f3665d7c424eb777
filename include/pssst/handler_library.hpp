/// C++20 around pssst/handler.h, which says what a handler may do and must not. A class, and one
/// line that makes a library's handler of it:
///
///     #include "pssst/handler_library.hpp"
///     namespace library = pssst::library;
///
///     class Greeting {
///      public:
///       static constexpr library::Traits kTraits{
///           .name = "greeting", .flags = library::kPure, .reply_size_max = 5};
///       explicit Greeting(const library::Server&) {}
///       void handle(library::Message& message) noexcept { message.reply("hello"); }
///     };
///     PSSST_LIBRARY_HANDLER(Greeting)
///
/// The constructor is `init` and may throw: what a std::exception says is what the server's
/// operator reads. The destructor is `fini`. A class may have, instead of handle(), `void
/// handle_burst(std::span<library::Message>) noexcept`; and if it has a type Worker, constructible
/// of (Class&, std::uint32_t worker), there is one of these at each worker, and handle() or
/// handle_burst() gets it as its second argument. Link with -fno-gnu-unique, or a reloaded library
/// may share static members of templates with the one before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "pssst/handler.h"

namespace pssst::library {

inline constexpr std::uint32_t kPure = PSSST_PURE;
inline constexpr std::uint32_t kSilent = PSSST_SILENT;
inline constexpr std::uint32_t kNeedsClient = PSSST_NEEDS_CLIENT;
inline constexpr std::uint32_t kAnswersLater = PSSST_ANSWERS_LATER;

struct Traits {
  const char* name = nullptr;
  std::uint32_t version = 1;
  std::uint32_t flags = 0;
  std::uint32_t reply_size_max = 0;
  std::span<const std::uint8_t> types{};  ///< of static storage; empty: any
};

/// One opened request.
class Message {
 public:
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return {raw_.message, raw_.message_size};
  }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(raw_.message), raw_.message_size};
  }
  [[nodiscard]] std::uint16_t suite() const noexcept { return raw_.suite; }
  /// Empty: the caller is anonymous.
  [[nodiscard]] std::span<const std::uint8_t> client_key() const noexcept {
    return {raw_.client_key, raw_.client_key == nullptr ? std::size_t{0} : std::size_t{32}};
  }
  [[nodiscard]] std::span<const std::uint8_t> metadata() const noexcept {
    return {raw_.metadata, raw_.metadata_size};
  }
  [[nodiscard]] std::uint64_t token() const noexcept { return raw_.token; }

  /// Where a reply is written in place, before reply_size().
  [[nodiscard]] std::span<std::uint8_t> reply_space() const noexcept {
    return {raw_.reply, raw_.reply_capacity};
  }
  void reply_size(std::size_t size) noexcept {
    raw_.result = size <= INT32_MAX ? static_cast<std::int32_t>(size) : INT32_MAX;
  }
  /// Copies it. What does not fit is not sent, and counted.
  void reply(std::span<const std::uint8_t> bytes) noexcept {
    if (!bytes.empty() && bytes.size() <= raw_.reply_capacity) {
      std::memcpy(raw_.reply, bytes.data(), bytes.size());
    }
    reply_size(bytes.size());
  }
  void reply(std::string_view text) noexcept {
    reply({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  void no_reply() noexcept { raw_.result = PSSST_NO_REPLY; }
  /// To be answered by Server::answer() with this token.
  std::uint64_t later() noexcept {
    raw_.result = PSSST_LATER;
    return raw_.token;
  }

 private:
  pssst_message raw_;
};
static_assert(std::is_standard_layout_v<Message> && sizeof(Message) == sizeof(pssst_message));

class Server {
 public:
  explicit Server(const pssst_server& raw) noexcept : raw_(&raw) {}

  [[nodiscard]] std::string_view service() const noexcept { return raw_->service; }
  [[nodiscard]] std::uint32_t workers() const noexcept { return raw_->workers; }
  [[nodiscard]] std::uint32_t deadline_ms() const noexcept { return raw_->deadline_ms; }
  [[nodiscard]] std::optional<std::string_view> option(std::string_view name) const noexcept {
    for (const pssst_option& option : std::span(raw_->options, raw_->option_count)) {
      if (option.name == name) return option.value;
    }
    return std::nullopt;
  }
  /// PSSST_ANSWERED, PSSST_BUSY, PSSST_REPLY_TOO_LONG or PSSST_NO_SUCH_TOKEN.
  [[nodiscard]] std::int32_t answer(std::uint64_t token,
                                    std::span<const std::uint8_t> reply) const noexcept {
    if (reply.size() > INT32_MAX) return PSSST_REPLY_TOO_LONG;
    return raw_->answer(raw_, token, reply.data(), static_cast<std::int32_t>(reply.size()));
  }
  [[nodiscard]] std::int32_t answer(std::uint64_t token, std::string_view text) const noexcept {
    return answer(token, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  std::int32_t answer_nothing(std::uint64_t token) const noexcept {
    return raw_->answer(raw_, token, nullptr, PSSST_NO_REPLY);
  }

 private:
  const pssst_server* raw_;  ///< valid until fini has returned
};

/// What pssst_library_handler's functions are for a class H.
template <class H>
class Adapter {
  struct NoWorker {
    NoWorker(H&, std::uint32_t) noexcept {}
  };
  template <class T>
  struct WorkerOf {
    using Type = NoWorker;
  };
  template <class T>
  requires requires { typename T::Worker; }
  struct WorkerOf<T> {
    using Type = typename T::Worker;
  };
  using Worker = typename WorkerOf<H>::Type;

  static constexpr bool kOneByOne = requires(H & h, Message& m) { h.handle(m); }
  || requires(H& h, Message& m, Worker& w) { h.handle(m, w); };

  static void say(const pssst_server& server, const char* what) noexcept {
    if (server.error_size == 0) return;
    const std::size_t size = std::strlen(what);
    const std::size_t kept = size < server.error_size ? size : server.error_size - 1;
    std::memcpy(server.error, what, kept);
    server.error[kept] = '\0';
  }

 public:
  static std::int32_t init(const pssst_server* server, void** state) {
    try {
      *state = new H(Server(*server));
      return 0;
    } catch (const std::exception& error) {
      say(*server, error.what());
    } catch (...) {
      say(*server, "it threw what is no std::exception");
    }
    return 1;
  }
  static std::int32_t worker_init(void* state, std::uint32_t worker, void** worker_state) {
    try {
      *worker_state = new Worker(*static_cast<H*>(state), worker);
      return 0;
    } catch (...) {
      return 1;
    }
  }
  static void handle_burst(void* state, void* worker_state, pssst_message* messages,
                           std::uint32_t count) {
    H& handler = *static_cast<H*>(state);
    auto& worker = *static_cast<Worker*>(worker_state);
    // A Message is a pssst_message.
    const std::span all(reinterpret_cast<Message*>(messages), count);
    if constexpr (kOneByOne) {
      for (Message& message : all) {
        if constexpr (requires { handler.handle(message, worker); }) {
          handler.handle(message, worker);
        } else {
          handler.handle(message);
        }
      }
    } else if constexpr (requires { handler.handle_burst(all, worker); }) {
      handler.handle_burst(all, worker);
    } else {
      handler.handle_burst(all);
    }
  }
  static void worker_fini(void*, void* worker_state) { delete static_cast<Worker*>(worker_state); }
  static void fini(void* state) { delete static_cast<H*>(state); }
};

}  // namespace pssst::library

/// Once in a library, outside of all namespaces.
#define PSSST_LIBRARY_HANDLER(Class)                                         \
  extern "C" PSSST_EXPORT const pssst_handler pssst_library_handler = {      \
      .size = sizeof(pssst_handler),                                         \
      .abi = PSSST_HANDLER_ABI,                                              \
      .message_size = sizeof(pssst_message),                                 \
      .server_size = sizeof(pssst_server),                                   \
      .name = Class::kTraits.name,                                           \
      .version = Class::kTraits.version,                                     \
      .flags = Class::kTraits.flags,                                         \
      .reply_size_max = Class::kTraits.reply_size_max,                       \
      .type_count = static_cast<std::uint32_t>(Class::kTraits.types.size()), \
      .types = Class::kTraits.types.data(),                                  \
      .init = &pssst::library::Adapter<Class>::init,                         \
      .worker_init = &pssst::library::Adapter<Class>::worker_init,           \
      .handle_burst = &pssst::library::Adapter<Class>::handle_burst,         \
      .worker_fini = &pssst::library::Adapter<Class>::worker_fini,           \
      .fini = &pssst::library::Adapter<Class>::fini};
