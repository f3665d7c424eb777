#include "server/service_option.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hex.hpp"
#include "server/handler/handler_settings.hpp"
#include "server/option_text.hpp"

namespace pssst::server {
namespace {

std::optional<std::uint16_t> parse_udp_port(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

/// One --service argument, field by field.
class ServiceParser {
 public:
  explicit ServiceParser(const std::string& text) : text_(text), where_("--service " + text) {}

  base::Result<ServiceSettings> parse() {
    for (std::string_view rest = text_;;) {
      const std::size_t comma = rest.find(',');
      if (auto set = set_field(rest.substr(0, comma)); !set) return tl::unexpected(set.error());
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    if (!seen_.contains("port")) return misuse("port= is missing", where_);
    if (auto fit = end_handler(); !fit) return tl::unexpected(fit.error());
    if (!seen_.contains("key")) return misuse("key= is missing", where_);
    if (seen_.contains("label") && settings_.suite == kSuite1) {
      return misuse("suite 1 has no label", where_);
    }
    return std::move(settings_);
  }

 private:
  base::Result<void> set_field(std::string_view field) {
    const std::size_t equals = field.find('=');
    const std::string name(field.substr(0, equals));
    if (equals == std::string_view::npos) {
      return misuse("\"" + name + "\" is not NAME=VALUE", where_,
                    of_handler_.contains("reply") ? "write a reply with commas as reply-hex="
                                                  : "separate fields by commas");
    }
    const std::string value(field.substr(equals + 1));
    if (name == "type") return begin_type(value);
    if (is_of_handler(name)) {
      const bool again = !of_handler_.insert(name).second;
      if (again && name != "option" && name != "backend") {
        return misuse(name + "= stands twice", where_);
      }
      return set_handler_field(name, value);
    }
    if (!seen_.insert(name).second && name != "key" && name != "address") {
      return misuse(name + "= stands twice", where_);
    }
    if (name == "port") return set_udp_port(value);
    if (name == "key") return set_key_file(value);
    if (name == "suite") return set_suite(value);
    if (name == "label") return set_label(value);
    if (name == "name") return set_name(value);
    if (name == "address") return set_address(value);
    if (name == "second-key") return set_second_key(value);
    if (name == "policy") return set_policy(value);
    if (name == "reply-limit") return set_reply_limit(value);
    return misuse("it has no field \"" + name + "\"", where_);
  }

  base::Result<void> set_udp_port(const std::string& value) {
    const auto udp_port = parse_udp_port(value);
    if (!udp_port) return misuse("port=" + value + " is no UDP port", where_, "choose 1 to 65535");
    settings_.udp_port = *udp_port;
    return {};
  }

  /// Fields that say which handler, of the service or of the type= before them.
  static bool is_of_handler(std::string_view name) {
    constexpr std::array kNames{"handler", "reply",    "reply-hex", "library",
                                "option",  "deadline", "in-flight", "backend"};
    return std::ranges::find(kNames, name) != kNames.end();
  }

  /// What is said of the handler is complete.
  base::Result<void> end_handler() {
    const bool typed = !settings_.types.empty();
    if (!of_handler_.contains("handler")) {
      return misuse(typed ? "a type= has no handler= behind it" : "handler= is missing", where_);
    }
    const bool has_reply = of_handler_.contains("reply") || of_handler_.contains("reply-hex");
    if (has_reply && handler_ != "ack") {
      return misuse("only the handler ack takes a reply", where_);
    }
    if (auto fit = check_handler_settings(handler_, reply_, options_, where_); !fit) return fit;
    if (typed) {
      MessageTypeSettings& types = settings_.types.back();
      types.handler = std::move(handler_);
      types.reply = std::move(reply_);
      types.options = std::move(options_);
    } else {
      settings_.handler = std::move(handler_);
      settings_.reply = std::move(reply_);
      settings_.options = std::move(options_);
    }
    of_handler_.clear();
    handler_.clear();
    reply_.clear();
    options_ = {};
    return {};
  }

  base::Result<void> begin_type(const std::string& value) {
    const auto types = parse_message_types(value);
    if (!types) {
      return misuse("type=" + value + " is no message type", where_,
                    "write a first byte, like 7 or 0x07, or a range, like 0x10-0x1f");
    }
    if (!settings_.types.empty()) {
      if (auto ended = end_handler(); !ended) return ended;
    } else if (!of_handler_.empty()) {
      return misuse("what stands before the first type= says of a handler which is for no type",
                    where_, "write the handler behind its type=");
    }
    settings_.types.push_back({.first = types->first, .last = types->last});
    return {};
  }

  base::Result<void> set_handler_field(const std::string& name, const std::string& value) {
    if (name == "handler") return set_handler(value);
    if (name == "option") return add_option(value);
    if (name == "deadline") {
      return set_number(value, name, kDeadlineMax.count(),
                        [&](auto ms) { options_.deadline = std::chrono::milliseconds(ms); });
    }
    if (name == "in-flight") {
      return set_number(value, name, kInFlightMax, [&](auto n) { options_.in_flight = n; });
    }
    if (name == "library") options_.library = value;
    if (name == "backend") options_.backends.push_back(value);
    if (name == "reply" || name == "reply-hex") return set_reply(name, value);
    return {};
  }

  template <class Max, class Set>
  base::Result<void> set_number(const std::string& value, const std::string& name, Max max,
                                Set&& set) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 1 ||
        number > static_cast<std::uint64_t>(max)) {
      return misuse(name + "=" + value + " is not among its values", where_,
                    "choose 1 to " + std::to_string(max));
    }
    set(number);
    return {};
  }

  base::Result<void> add_option(const std::string& value) {
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0) {
      return misuse("option=" + value + " is no option", where_, "write option=NAME=VALUE");
    }
    options_.options.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    return {};
  }

  base::Result<void> set_handler(const std::string& value) {
    if (!is_known_handler(value)) {
      return misuse("there is no handler \"" + value + "\"", where_, "choose " + known_handlers());
    }
    handler_ = value;
    return {};
  }

  base::Result<void> set_key_file(const std::string& value) {
    if (value.empty()) return misuse("key= names no file", where_);
    settings_.key_files.push_back(value);
    return {};
  }

  base::Result<void> set_suite(const std::string& value) {
    const auto suite =
        choose<std::uint16_t>(value, where_ + ": suite",
                              {{"1", kSuite1}, {"0xf002", kSuiteF002}, {"0xF002", kSuiteF002}});
    if (!suite) return tl::unexpected(suite.error());
    settings_.suite = *suite;
    return {};
  }

  base::Result<void> set_label(const std::string& value) {
    const std::string_view fault = fault_of({.suite = kSuiteF002, .label = value});
    if (!fault.empty()) return misuse("label=: " + std::string(fault), where_);
    settings_.label = value;
    return {};
  }

  base::Result<void> set_name(const std::string& value) {
    if (!is_service_name(value)) {
      return misuse("name=" + value + " is no name", where_, std::string(service_name_remedy()));
    }
    settings_.name = value;
    return {};
  }

  base::Result<void> set_address(const std::string& value) {
    if (!parse_address(value)) {
      return misuse("address=" + value + " is not a numeric IPv4 or IPv6 address", where_);
    }
    settings_.addresses.push_back(value);
    return {};
  }

  base::Result<void> set_second_key(const std::string& value) {
    const auto tried = choose<bool>(value, where_ + ": second-key", {{"try", true}});
    if (!tried) return tl::unexpected(tried.error());
    settings_.try_second_key = *tried;
    return {};
  }

  base::Result<void> set_policy(const std::string& value) {
    const auto policy = choose<ClientPolicy>(value, where_ + ": policy",
                                             {{"optional", ClientPolicy::kOptional},
                                              {"anonymous", ClientPolicy::kAnonymous},
                                              {"required", ClientPolicy::kRequired}});
    if (!policy) return tl::unexpected(policy.error());
    settings_.policy = *policy;
    return {};
  }

  base::Result<void> set_reply_limit(const std::string& value) {
    double factor = 0;
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, factor, std::chars_format::fixed);
    const auto percent = error == std::errc() && rest == end ? reply_limit_percent(factor)
                                                             : std::optional<unsigned>();
    if (!percent) {
      return misuse("reply-limit=" + value + " is not 1 to 3 in hundredths", where_,
                    "write how many times as long as its request a reply may be, like 1.5");
    }
    settings_.reply_limit = *percent;
    return {};
  }

  base::Result<void> set_reply(const std::string& name, const std::string& value) {
    if (of_handler_.contains("reply") && of_handler_.contains("reply-hex")) {
      return misuse("reply= and reply-hex= exclude each other", where_);
    }
    if (name == "reply") {
      reply_.assign(value.begin(), value.end());
      return {};
    }
    auto bytes = base::from_hex(value);
    if (!bytes) return misuse("reply-hex= is not an even number of hexadecimal digits", where_);
    reply_ = std::move(*bytes);
    return {};
  }

  const std::string& text_;
  const std::string where_;
  std::set<std::string> seen_;
  ServiceSettings settings_;
  // Of the handler that is being described.
  std::set<std::string> of_handler_;
  std::string handler_;
  std::vector<std::uint8_t> reply_;
  HandlerOptions options_;
};

}  // namespace

base::Result<ServiceSettings> parse_service(const std::string& text) {
  return ServiceParser(text).parse();
}

}  // namespace pssst::server
