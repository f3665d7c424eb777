#include "server/service_option.hpp"

#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/hex.hpp"
#include "server/handlers.hpp"
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
    for (const std::string_view needed : {"port", "handler", "key"}) {
      if (!seen_.contains(std::string(needed))) {
        return misuse(std::string(needed) + "= is missing", where_);
      }
    }
    if ((seen_.contains("reply") || seen_.contains("reply-hex")) && settings_.handler != "ack") {
      return misuse("only the handler ack takes a reply", where_);
    }
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
                    seen_.contains("reply") ? "write a reply with commas as reply-hex="
                                            : "separate fields by commas");
    }
    if (!seen_.insert(name).second && name != "key" && name != "address") {
      return misuse(name + "= stands twice", where_);
    }
    const std::string value(field.substr(equals + 1));
    if (name == "port") return set_udp_port(value);
    if (name == "handler") return set_handler(value);
    if (name == "key") return set_key_file(value);
    if (name == "suite") return set_suite(value);
    if (name == "label") return set_label(value);
    if (name == "name") return set_name(value);
    if (name == "address") return set_address(value);
    if (name == "second-key") return set_second_key(value);
    if (name == "policy") return set_policy(value);
    if (name == "reply" || name == "reply-hex") return set_reply(name, value);
    return misuse("it has no field \"" + name + "\"", where_);
  }

  base::Result<void> set_udp_port(const std::string& value) {
    const auto udp_port = parse_udp_port(value);
    if (!udp_port) return misuse("port=" + value + " is no UDP port", where_, "choose 1 to 65535");
    settings_.udp_port = *udp_port;
    return {};
  }

  base::Result<void> set_handler(const std::string& value) {
    if (!is_handler_name(value)) {
      return misuse("there is no handler \"" + value + "\"", where_,
                    "choose " + std::string(handler_names()));
    }
    settings_.handler = value;
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

  base::Result<void> set_reply(const std::string& name, const std::string& value) {
    if (seen_.contains("reply") && seen_.contains("reply-hex")) {
      return misuse("reply= and reply-hex= exclude each other", where_);
    }
    if (name == "reply") {
      settings_.reply.assign(value.begin(), value.end());
      return {};
    }
    auto bytes = base::from_hex(value);
    if (!bytes) return misuse("reply-hex= is not an even number of hexadecimal digits", where_);
    settings_.reply = std::move(*bytes);
    return {};
  }

  const std::string& text_;
  const std::string where_;
  std::set<std::string> seen_;
  ServiceSettings settings_;
};

}  // namespace

base::Result<ServiceSettings> parse_service(const std::string& text) {
  return ServiceParser(text).parse();
}

}  // namespace pssst::server
