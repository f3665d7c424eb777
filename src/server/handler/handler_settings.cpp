#include "server/handler/handler_settings.hpp"

#include <sys/un.h>

#include <algorithm>
#include <charconv>

#include "server/handlers.hpp"

namespace pssst::server {
namespace {

std::optional<std::uint8_t> parse_type(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  unsigned value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, hex ? 16 : 10);
  if (text.empty() || error != std::errc() || rest != end || value > 255) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

base::Result<void> check_backends(const std::vector<std::string>& backends,
                                  const std::string& where) {
  constexpr std::size_t kPathMax = sizeof(sockaddr_un{}.sun_path) - 1;
  if (backends.empty()) {
    return base::fail("handler forward names no backend", where,
                      "name the Unix datagram socket of one");
  }
  if (backends.size() > kBackendsMax) {
    return base::fail("handler forward names " + std::to_string(backends.size()) + " backends",
                      where, std::to_string(kBackendsMax) + " are the most");
  }
  for (const std::string& backend : backends) {
    if (backend.size() > kPathMax || backend.empty() || backend == "@") {
      return base::fail("\"" + backend + "\" is no path of a socket", where,
                        "choose one of at most " + std::to_string(kPathMax) + " characters");
    }
    if (std::ranges::count(backends, backend) > 1) {
      return base::fail("backend " + backend + " stands twice", where, "take one out");
    }
  }
  return {};
}

base::Result<void> check_limits(const HandlerOptions& options, const std::string& where) {
  if (options.deadline < std::chrono::milliseconds(1) || options.deadline > kDeadlineMax) {
    return base::fail("a deadline of " + std::to_string(options.deadline.count()) + " ms", where,
                      "choose 1 to " + std::to_string(kDeadlineMax.count()));
  }
  if (options.in_flight < 1 || options.in_flight > kInFlightMax) {
    return base::fail(std::to_string(options.in_flight) + " requests in flight", where,
                      "choose 1 to " + std::to_string(kInFlightMax));
  }
  return {};
}

}  // namespace

bool is_known_handler(std::string_view name) noexcept {
  return is_handler_name(name) || name == kLibraryHandler || name == kForwardHandler;
}

std::string known_handlers() {
  std::string names(handler_names());
  const std::size_t last = names.rfind(" or ");
  return names.replace(last, 4, ", ") + ", " + std::string(kLibraryHandler) + " or " +
         std::string(kForwardHandler);
}

std::optional<TypeRange> parse_message_types(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_type(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_type(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return TypeRange{.first = *first, .last = *last};
}

base::Result<void> check_handler_settings(std::string_view handler,
                                          const std::vector<std::uint8_t>& reply,
                                          const HandlerOptions& options, const std::string& where) {
  const bool library = handler == kLibraryHandler;
  const bool forward = handler == kForwardHandler;
  if (!reply.empty() && handler != "ack") {
    return base::fail("only the handler ack takes a reply", where, "take one out");
  }
  if (!library && (!options.library.empty() || !options.options.empty())) {
    return base::fail("only the handler library has a library and options", where, "take one out");
  }
  if (!forward && !options.backends.empty()) {
    return base::fail("only the handler forward has backends", where, "take one out");
  }
  const HandlerOptions defaults;
  if (!library && !forward &&
      (options.deadline != defaults.deadline || options.in_flight != defaults.in_flight)) {
    return base::fail("handler " + std::string(handler) +
                          " answers at once, and has no use for a deadline or a number in flight",
                      where, "take them out");
  }
  if (library && options.library.empty()) {
    return base::fail("handler library names no library", where, "name the shared object");
  }
  if (forward) {
    if (auto fit = check_backends(options.backends, where); !fit) return fit;
  }
  return check_limits(options, where);
}

}  // namespace pssst::server
