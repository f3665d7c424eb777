/// A machine's files in a folder of the test's own.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "identity/temporary_folder.hpp"
#include "server/config/configuration.hpp"
#include "server/host/machine.hpp"

namespace pssst::server {

class FakeRoot {
 public:
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  void make_folder(const std::string& name) const {
    std::filesystem::create_directories(path(name));
  }
  void link(const std::string& name, const std::string& target) const {
    std::filesystem::create_directories(path(name).parent_path());
    std::filesystem::create_symlink(target, path(name));
  }
  void remove(const std::string& name) const { std::filesystem::remove_all(path(name)); }

  [[nodiscard]] std::filesystem::path path(const std::string& name) const {
    return folder_.path(name);
  }
  [[nodiscard]] Machine machine() const { return Machine(folder_.path("")); }

 private:
  identity::TemporaryFolder folder_;
};

inline Configuration dpdk_configuration() {
  Configuration configuration;
  configuration.port = PortKind::kDpdk;
  configuration.cpus = {2, 3};
  configuration.dpdk.pci_devices = {"0000:81:00.0"};
  configuration.dpdk.hugepages = true;
  configuration.dpdk.memory_mb = 1023;
  return configuration;
}

}  // namespace pssst::server
