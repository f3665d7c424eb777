#include "server/config/configuration_file.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/file_descriptor.hpp"
#include "server/config/configuration_keys.hpp"
#include "server/config/credentials.hpp"
#include "server/config/network.hpp"
#include "server/config/service_drafts.hpp"
#include "server/config/toml_tree.hpp"
#include "server/config/value_reader.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {
namespace {

using Faults = std::vector<Fault>;

constexpr std::size_t kFileSizeMax = std::size_t{1} << 20;
constexpr std::string_view kService = "service";

Fault file_fault(const std::string& path, std::string what, std::string remedy) {
  return {
      .file = path, .line = 0, .column = 0, .what = std::move(what), .remedy = std::move(remedy)};
}

tl::expected<std::string, Fault> read_text(const std::string& path) {
  const auto refuse = [&](std::string what, std::string remedy) {
    return tl::unexpected(file_fault(path, std::move(what), std::move(remedy)));
  };
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const base::FileDescriptor file(::open(path.c_str(), kFlags));
  if (file.get() < 0) {
    return refuse("cannot open the configuration file: " + base::describe_errno(errno),
                  errno == EACCES ? "run as a user who may read it"
                                  : "pssstd.toml(5) tells how to write one");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return refuse("not a regular file", "name a configuration file");
  }
  std::string text(kFileSizeMax + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return refuse("cannot read the configuration file: " + base::describe_errno(errno), {});
    }
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > kFileSizeMax) return refuse("more than 1 MiB", "see what file this is");
  text.resize(size);
  return text;
}

template <class Named>
std::vector<std::string_view> names_of(std::span<const Named> all) {
  std::vector<std::string_view> names;
  for (const Named& one : all) names.push_back(one.name);
  return names;
}

std::string section_label(std::string_view name) {
  return name == kService ? "[[service]]" : "[" + std::string(name) + "]";
}

/// "[server]" of the section that has this key; empty: none.
std::string home_of(std::string_view key) {
  for (const Key<ServiceDraft>& one : service_keys()) {
    if (one.name == key) return "[[service]]";
  }
  for (const Section& section : configuration_sections()) {
    for (const Key<Configuration>& one : section.keys) {
      if (one.name == key) return section_label(section.name);
    }
  }
  return {};
}

/// What would be right in place of an unknown name.
/// `shown` gives a known name as people write it.
template <class Shown>
std::string remedy_for(std::string_view name, std::vector<std::string_view> known,
                       const std::string& home, Shown shown) {
  if (const auto nearest = nearest_name(name, known); !nearest.empty()) {
    return "did you mean " + shown(nearest) + "?";
  }
  if (!home.empty()) return "it belongs to " + home;
  std::string all;
  std::ranges::sort(known);
  for (const std::string_view one : known) all += (all.empty() ? "" : ", ") + shown(one);
  return (known.size() == 1 ? "there is " : "there are ") + all;
}

/// One file, from its tree to a Configuration.
class ConfigurationReader {
 public:
  explicit ConfigurationReader(const std::string& path) : reader_(path) {
    configuration_.file = path;
    configuration_.state_directory = given_state_directory();
  }

  tl::expected<Configuration, Faults> read(const TomlTable& root) && {
    for (const TomlEntry& entry : root) read_top(entry);
    check_port();
    check_rest();
    check_services();
    const auto clients = places_.find("[clients] file");
    check_service_drafts(reader_, drafts_, configuration_,
                         clients == places_.end() ? Place{} : clients->second);
    Faults faults = reader_.take_faults();
    if (!faults.empty()) return tl::unexpected(std::move(faults));
    for (ServiceDraft& draft : drafts_) {
      configuration_.services.push_back(std::move(draft.settings));
    }
    return std::move(configuration_);
  }

 private:
  void read_top(const TomlEntry& entry) {
    if (entry.name == kService) return read_services(entry);
    const auto sections = configuration_sections();
    const auto section = std::ranges::find(sections, entry.name, &Section::name);
    if (section != sections.end()) return read_section(*section, entry);
    if (const std::string home = home_of(entry.name);
        !home.empty() && entry.node.as<TomlTable>() == nullptr) {
      return reader_.add_fault(entry.place, in_quotes(entry.name) + " stands in no section",
                               "it belongs to " + home);
    }
    auto known = names_of(sections);
    known.push_back(kService);
    reader_.add_fault(entry.place, "there is no section " + section_label(entry.name),
                      remedy_for(entry.name, std::move(known), {}, section_label));
  }

  void read_section(const Section& section, const TomlEntry& entry) {
    const std::string label = section_label(section.name);
    const auto* table = entry.node.as<TomlTable>();
    if (table == nullptr) {
      const bool list = entry.node.as<TomlList>() != nullptr;
      reader_.begin_key(list ? "[" + label + "]" : in_quotes(entry.name));
      return reader_.refuse(
          entry.place,
          list ? "stands there as one of several" : "is " + std::string(kind_of(entry.node)),
          "write " + label + " on a line, and its keys below");
    }
    places_.emplace(label, entry.place);
    const std::size_t faults_before = reader_.fault_count();
    read_keys(label, section.keys, *table, configuration_,
              [&](const TomlEntry& key) { places_.emplace(reader_.label(), key.node.place); });
    if (reader_.fault_count() > faults_before) faulty_.insert(label);
  }

  template <class Target, class Note>
  void read_keys(const std::string& label, std::span<const Key<Target>> keys,
                 const TomlTable& table, Target& target, Note note) {
    for (const TomlEntry& entry : table) {
      const auto key = std::ranges::find(keys, entry.name, &Key<Target>::name);
      if (key == keys.end()) {
        reader_.add_fault(entry.place, label + " has no key " + in_quotes(entry.name),
                          remedy_for(entry.name, names_of(keys), home_of(entry.name), in_quotes));
        continue;
      }
      reader_.begin_key(label + " " + entry.name);
      note(entry);
      key->read(reader_, entry.node, target);
    }
  }

  void read_services(const TomlEntry& entry) {
    const auto* list = entry.node.as<TomlList>();
    const auto is_table = [](const TomlNode& node) { return node.as<TomlTable>() != nullptr; };
    if (list == nullptr || !std::ranges::all_of(*list, is_table)) {
      services_unread_ = true;
      return reader_.add_fault(entry.place, "[service] stands there as if there were one only",
                               "write [[service]], once for each");
    }
    for (const TomlNode& node : *list) {
      ServiceDraft draft;
      draft.place = node.place;
      read_keys("[[service]]", service_keys(), *node.as<TomlTable>(), draft,
                [&](const TomlEntry& key) { draft.places.emplace(key.name, key.node.place); });
      complete(draft);
      drafts_.push_back(std::move(draft));
    }
  }

  /// What the keys of one service say of each other.
  void complete(ServiceDraft& draft) {
    constexpr std::array<std::pair<const char*, const char*>, 3> kNeeded{
        {{"udp_port", "write one: udp_port = 7700"},
         {"handler", "write one: handler = \"echo\""},
         {"keys", "write one: keys = [\"server.key\"]"}}};
    for (const auto& [key, remedy] : kNeeded) {
      if (draft.places.contains(key)) continue;
      if (std::string_view(key) == "handler" && draft.places.contains("types")) continue;
      reader_.add_fault(draft.place, std::string("[[service]] has no ") + key, remedy);
    }
    if (draft.places.contains("handler") && draft.places.contains("types")) {
      reader_.add_fault(draft.place_of("handler"),
                        "[[service]] handler is for all messages, and there are types",
                        "take it out, or the types");
      draft.settings.types.clear();
    }
    draft.has_all_keys = draft.has_all_keys && draft.places.contains("keys");
    const bool text = draft.places.contains("reply");
    const bool hex = draft.places.contains("reply_hex");
    const std::string reply = text ? "reply" : "reply_hex";
    const std::string& handler = draft.settings.handler;
    if (text && hex) {
      reader_.add_fault(draft.place_of("reply_hex"), "[[service]] has reply and reply_hex",
                        "take one out");
    }
    if ((text || hex) && !handler.empty() && handler != "ack") {
      reader_.add_fault(draft.place_of(reply),
                        "[[service]] " + reply +
                            " belongs to handler \"ack\", and the handler is " + in_quotes(handler),
                        "take one out");
      draft.settings.reply.clear();
    }
    if (!draft.settings.label.empty() && draft.settings.suite == kSuite1) {
      reader_.add_fault(draft.place_of("label"), "[[service]] label: suite 1 has none",
                        "take it out, or choose suite = 0xf002");
      draft.settings.label.clear();
    }
  }

  [[nodiscard]] bool is_sound(const std::string& section) const {
    return !faulty_.contains(section);
  }

  [[nodiscard]] Place place_of(const std::string& label, const std::string& otherwise) const {
    for (const std::string& wanted : {label, otherwise}) {
      if (const auto found = places_.find(wanted); found != places_.end()) return found->second;
    }
    return {};
  }

  void check_port() {
    const bool dpdk = configuration_.port == PortKind::kDpdk;
    if (dpdk && !places_.contains("[server] idle")) configuration_.idle = IdleMode::kSpin;
    if (!is_sound("[port]")) return;
    const std::string foreign = dpdk ? "[socket]" : "[dpdk]";
    const auto first = places_.upper_bound(foreign);
    if (first != places_.end() && first->first.starts_with(foreign)) {
      reader_.add_fault(
          places_.at(foreign),
          foreign + " is for another port: [port] kind is " + (dpdk ? "\"dpdk\"" : "\"socket\""),
          std::string("take the section out, or write kind = ") +
              (dpdk ? "\"socket\"" : "\"dpdk\""));
    }
    if (dpdk) check_dpdk();
  }

  void check_dpdk() {
    const DpdkOptions& dpdk = configuration_.dpdk;
    const Place place = place_of("[dpdk]", "[port] kind");
    // What was refused was named all the same.
    const bool is_sound = this->is_sound("[dpdk]");
    const bool has_device = (places_.contains("[dpdk] vdevs") || places_.contains("[dpdk] pci")) &&
                            !(is_sound && dpdk.vdevs.empty() && dpdk.pci_devices.empty());
    const bool has_address =
        places_.contains("[dpdk] addresses") && !(is_sound && dpdk.addresses.empty());
    if (!has_device) {
      reader_.add_fault(place, "[dpdk] names no device", "name one with pci or vdevs");
    }
    if (!has_address) {
      reader_.add_fault(place, "[dpdk] has no addresses",
                        "write the server's own: addresses = [\"192.0.2.10\"]");
    }
    if (!is_sound || !has_device || !has_address) return;
    if (const auto fit = check_network(dpdk); !fit) {
      reader_.add_fault(place, "[dpdk] has what does not go together: " + fit.error().what,
                        fit.error().where);
    }
  }

  void check_identity() {
    if (!configuration_.identity.store.empty() && !configuration_.clients_file.empty()) {
      reader_.add_fault(places_.at("[identity] store"),
                        "[identity] store stands beside [clients] file",
                        "take one out; pssst identity import writes a list into a store");
    }
  }

  void check_rest() {
    check_identity();
    const ControlOptions& control = configuration_.control;
    if (control.socket.empty() && !control.users.empty() && is_sound("[control]")) {
      reader_.add_fault(places_.at("[control] users"),
                        "[control] users may use a socket, and there is none",
                        "write its path: socket = \"/run/pssst/control\"");
    }
    const DrainOptions& drain = configuration_.drain;
    if (drain.quiet > drain.deadline && is_sound("[drain]")) {
      reader_.add_fault(place_of("[drain] quiet", "[drain] deadline"),
                        "[drain] quiet is " + std::to_string(drain.quiet.count()) +
                            " s, which the deadline of " + std::to_string(drain.deadline.count()) +
                            " s forestalls",
                        "choose at most the deadline");
    }
  }

  void check_services() {
    if (drafts_.empty() && !services_unread_) {
      reader_.add_fault({}, "there is no service",
                        "write a section [[service]] with udp_port, handler and keys");
    }
    if (drafts_.size() > telemetry::kServicesMax) {
      reader_.add_fault(drafts_[telemetry::kServicesMax].place,
                        "there are " + std::to_string(drafts_.size()) + " services",
                        "keep " + std::to_string(telemetry::kServicesMax) + " at most");
    }
    for (const ServiceDraft& draft : drafts_) {
      for (const std::string& address : draft.settings.addresses) {
        if (is_served(address)) continue;
        reader_.add_fault(draft.place_of("addresses"),
                          "[[service]] addresses has " + in_quotes(address) +
                              ", at which the server does not listen",
                          configuration_.port == PortKind::kDpdk
                              ? "choose from the addresses of [dpdk], or add it there"
                              : "choose from the addresses of [socket], or add it there");
      }
    }
  }

  /// That datagrams to it can come.
  [[nodiscard]] bool is_served(const std::string& address) const {
    const auto wanted = parse_address(address);
    if (!wanted || !is_sound("[socket]") || !is_sound("[dpdk]") || !is_sound("[port]")) return true;
    if (configuration_.port == PortKind::kDpdk) {
      return std::ranges::find(configuration_.dpdk.addresses, *wanted) !=
             configuration_.dpdk.addresses.end();
    }
    const auto& listened = configuration_.socket.addresses;
    const char* any = is_ipv4(*wanted) ? "0.0.0.0" : "::";
    return listened.empty() || std::ranges::any_of(listened, [&](const std::string& one) {
             return parse_address(one) == wanted || parse_address(one) == parse_address(any);
           });
  }

  static bool is_ipv4(const Address& address) noexcept {
    return IN6_IS_ADDR_V4MAPPED(reinterpret_cast<const in6_addr*>(address.data()));
  }

  ValueReader reader_;
  Configuration configuration_;
  std::vector<ServiceDraft> drafts_;
  bool services_unread_ = false;
  /// Of sections and of their values, by what faults call them.
  std::map<std::string, Place> places_;
  std::set<std::string> faulty_;  ///< sections
};

}  // namespace

tl::expected<Configuration, Faults> read_configuration(const std::string& path) {
  try {
    const auto text = read_text(path);
    if (!text) return tl::unexpected(Faults{text.error()});
    const auto tree = parse_toml(*text, path);
    if (!tree) return tl::unexpected(Faults{tree.error()});
    return ConfigurationReader(path).read(*tree);
  } catch (const std::exception& error) {
    // A suite that this CPU cannot serve; no memory.
    return tl::unexpected(Faults{file_fault(path, error.what(), {})});
  }
}

}  // namespace pssst::server
