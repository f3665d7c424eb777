#include "server/config/configuration_keys.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/hex.hpp"
#include "identity/temporary_folder.hpp"
#include "server/config/configuration_file.hpp"
#include "server/libraries/test_libraries.hpp"
#include "support/environment.hpp"

namespace pssst::server {
namespace {

/// A key of deploy/pssstd.toml.
struct Line {
  std::string section;
  std::string key;
  std::string text;         ///< "key = value"
  bool is_active = false;   ///< not behind a #
  bool is_example = false;  ///< it has no default
};

std::string example_path() {
  return needed_variable("PSSST_EXAMPLE_CONFIGURATION");
}

std::vector<Line> read_example() {
  const std::regex section_form(R"(#?(\[+[\w.]+\]+))");
  const std::regex key_form(R"((#?)((\w+) = .*?)(  # an example)?)");
  std::ifstream file(example_path());
  std::vector<Line> lines;
  std::string section;
  for (std::string text; std::getline(file, text);) {
    std::smatch match;
    if (std::regex_match(text, match, section_form)) section = match[1];
    if (!std::regex_match(text, match, key_form)) continue;
    lines.push_back({.section = section,
                     .key = match[3],
                     .text = match[2],
                     .is_active = match[1].length() == 0,
                     .is_example = match[4].matched});
  }
  return lines;
}

class ExampleConfiguration : public testing::Test {
 protected:
  ExampleConfiguration() {
    forget_systemd();
    folder_.write("server.key", base::to_hex(PrivateKey::generate().bytes()));
    folder_.write("new.key", "f002:" + base::to_hex(PrivateKey::generate().bytes()));
    std::filesystem::copy_file(test_library("smallest"), folder_.path("lookup.so"));
  }

  [[nodiscard]] Configuration read(const std::string& text) const {
    const auto read = read_configuration(folder_.write("pssstd.toml", text));
    if (read) return *read;
    for (const Fault& fault : read.error()) ADD_FAILURE() << to_string(fault);
    return {};
  }

  /// Every default of these sections, as if it stood there.
  [[nodiscard]] std::string defaults_of(const std::set<std::string>& sections) const {
    std::string text;
    std::string section;
    for (const Line& line : lines_) {
      if (!sections.contains(line.section) || line.is_active || line.is_example) continue;
      if (section != line.section) text += line.section + "\n";
      section = line.section;
      text += line.text + "\n";
    }
    return text;
  }

  [[nodiscard]] std::set<std::string> sections_but(const std::set<std::string>& left_out) const {
    std::set<std::string> sections;
    for (const Line& line : lines_) {
      if (!left_out.contains(line.section)) sections.insert(line.section);
    }
    return sections;
  }

  identity::TemporaryFolder folder_;
  const std::vector<Line> lines_ = read_example();
  const std::string service_ =
      "[[service]]\nudp_port = 7700\nhandler = \"echo\"\nkeys = [\"server.key\"]\n";
};

TEST_F(ExampleConfiguration, HasEveryKeyAndNoOther) {
  std::map<std::string, std::set<std::string>> known;
  for (const Section& section : configuration_sections()) {
    for (const auto& key : section.keys) {
      known["[" + std::string(section.name) + "]"].emplace(key.name);
    }
  }
  for (const auto& key : service_keys()) known["[[service]]"].emplace(key.name);
  // They are sections, whose other keys are the service's.
  known["[[service]]"].erase("types");
  known["[[service.types]]"] = {"type", "handler"};
  std::map<std::string, std::set<std::string>> shown;
  for (const Line& line : lines_) shown[line.section].insert(line.key);
  EXPECT_EQ(shown, known);
}

TEST_F(ExampleConfiguration, ServesAsItStands) {
  std::ifstream file(example_path());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Configuration expected = read(service_);
  expected.control.socket = "/run/pssst/control";
  expected.state_directory = "/var/lib/pssst";
  EXPECT_EQ(read(text), expected);
}

TEST_F(ExampleConfiguration, DefaultsAreThoseOfTheServer) {
  const std::string defaults =
      defaults_of(sections_but({"[dpdk]", "[[service]]", "[[service.types]]"}));
  Configuration expected;
  expected.file = folder_.path("pssstd.toml");
  expected.services = read(service_).services;
  EXPECT_EQ(read(defaults + service_), expected);
}

TEST_F(ExampleConfiguration, DefaultsOfDpdk) {
  std::string text =
      "port.kind = \"dpdk\"\n" + defaults_of({"[dpdk]"}) + "addresses = [\"192.0.2.10\"]\n";
  const std::size_t vdevs = text.find("vdevs = []");
  ASSERT_NE(vdevs, std::string::npos);
  text.replace(vdevs, 10, "vdevs = [\"net_tap0\"]");
  DpdkOptions expected;
  expected.vdevs = {"net_tap0"};
  expected.addresses = {*parse_address("192.0.2.10")};
  EXPECT_EQ(read(text + service_).dpdk, expected);
}

TEST_F(ExampleConfiguration, DefaultsOfAService) {
  std::string defaults = defaults_of({"[[service]]"});
  defaults.erase(0, defaults.find('\n') + 1);
  ServiceSettings expected = read(service_).services.at(0);
  expected.name = "udp-7700";  // what it is called without a name
  EXPECT_EQ(read(service_ + defaults).services.at(0), expected);
}

TEST_F(ExampleConfiguration, ExamplesAreOnesThatServe) {
  std::size_t examples = 0;
  for (const Line& line : lines_) {
    if (!line.is_example) continue;
    ++examples;
    const std::string service = "[[service]]\nudp_port = 7700\n";
    const std::string keys = "keys = [\"server.key\"]\n";
    const std::string ack = service + "handler = \"ack\"\n" + keys;
    if (line.section == "[dpdk]") {
      static_cast<void>(read("[port]\nkind = \"dpdk\"\n[dpdk]\nvdevs = [\"net_tap0\"]\n" +
                             line.text + "\n" + ack));
    } else if (line.section == "[[service.types]]") {
      const bool type = line.key == "type";
      static_cast<void>(read(service + keys + line.section + "\n" + line.text + "\n" +
                             (type ? "handler = \"echo\"" : "type = 1") + "\n"));
    } else if (line.key == "library" || line.key == "options") {
      static_cast<void>(read(service + "handler = \"library\"\n" + keys + line.text + "\n" +
                             (line.key == "options" ? "library = \"lookup.so\"\n" : "")));
    } else if (line.key == "backends") {
      static_cast<void>(
          read(service + "handler = \"forward\"\nkeys = \"new.key\"\n" + line.text + "\n"));
    } else {
      static_cast<void>(read(ack + line.text + "\n"));
    }
  }
  EXPECT_EQ(examples, 9U);
}

}  // namespace
}  // namespace pssst::server
