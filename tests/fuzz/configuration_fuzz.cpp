// Configuration files: whatever the bytes, either a configuration that may serve, or faults that each
// say where and what on one line.
//
// A slash becomes an underscore, so that no file is named but those of the target's own folder.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/assert.hpp"
#include "base/hex.hpp"
#include "pssst/keys.hpp"
#include "server/config/configuration_file.hpp"

namespace pssst::server {
namespace {

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
  PSSST_ASSERT(::chmod(path.c_str(), 0600) == 0);
}

/// A folder with what a configuration may name; removed by nobody but the system: it is in /tmp.
std::string make_folder() {
  std::string folder = "/tmp/pssst-fuzz-XXXXXX";
  PSSST_ASSERT(::mkdtemp(folder.data()) != nullptr);
  const std::string digits(64, '5');
  write(folder + "/server.key", digits + "\n");
  write(folder + "/f002.key", "f002:" + std::string(63, '5') + "1\n");
  write(folder + "/clients", "");
  return folder;
}

void remove_folder() noexcept;
const std::string kFolder = [] {
  std::string folder = make_folder();
  std::atexit([] { remove_folder(); });
  return folder;
}();

void remove_folder() noexcept {
  for (const char* name : {"/server.key", "/f002.key", "/clients", "/pssstd.toml"}) {
    ::unlink((kFolder + name).c_str());
  }
  ::rmdir(kFolder.c_str());
}

void check(std::string text) {
  std::ranges::replace(text, '/', '_');
  const std::string path = kFolder + "/pssstd.toml";
  write(path, text);
  const auto read = read_configuration(path);
  if (read) {
    PSSST_ASSERT(!read->services.empty());
    for (const ServiceSettings& service : read->services) {
      PSSST_ASSERT(service.udp_port != 0 && !service.key_files.empty());
    }
    return;
  }
  PSSST_ASSERT(!read.error().empty());
  for (const Fault& fault : read.error()) {
    const std::string line = to_string(fault);
    PSSST_ASSERT(line.starts_with(kFolder) && !fault.what.empty());
    PSSST_ASSERT(line.find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace pssst::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pssst::server::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
