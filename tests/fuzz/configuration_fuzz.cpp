// Configuration files: whatever the bytes, either a configuration that may serve, or faults that
// each say where and what on one line.
//
// A slash becomes an underscore, so that no file is named but those of the target's own folder.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "base/assert.hpp"
#include "server/config/configuration_file.hpp"

namespace pssst::server {
namespace {

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
  PSSST_ASSERT(::chmod(path.c_str(), 0600) == 0);
}

/// With what a configuration may name.
class Folder {
 public:
  Folder() {
    PSSST_ASSERT(::mkdtemp(path_.data()) != nullptr);
    write(path("server.key"), std::string(64, '5') + "\n");
    write(path("f002.key"), "f002:" + std::string(63, '5') + "1\n");
    write(path("clients"), "");
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string path(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  std::string path_ = "/tmp/pssst-fuzz-XXXXXX";
};

void check(std::string text) {
  std::ranges::replace(text, '/', '_');
  static const Folder folder;
  const std::string path = folder.path("pssstd.toml");
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
    PSSST_ASSERT(line.starts_with(folder.path("")) && !fault.what.empty());
    PSSST_ASSERT(line.find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace pssst::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pssst::server::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
