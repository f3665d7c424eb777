#include "server/config/credentials.hpp"

#include <cstdlib>

namespace pssst::server {
namespace {

constexpr std::string_view kPrefix = "credential:";
constexpr const char* kVariable = "CREDENTIALS_DIRECTORY";

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing of this process changes its environment
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

bool is_credential(std::string_view text) noexcept {
  return text.starts_with(kPrefix);
}

base::Result<std::string> credential_file(std::string_view text) {
  const std::string name(text.substr(kPrefix.size()));
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    return base::fail("not the name of a credential", {},
                      "write credential:NAME, as LoadCredential=NAME:FILE of the unit has it");
  }
  const std::string directory = variable(kVariable);
  if (directory.empty()) {
    return base::fail(std::string(kVariable) + " is not set, as systemd does for credentials", {},
                      "write LoadCredential=" + name + ":FILE into the unit; elsewhere set " +
                          kVariable + " yourself");
  }
  return directory + "/" + name;
}

bool is_credential_file(const std::string& path) {
  const std::string directory = variable(kVariable);
  return !directory.empty() && path.starts_with(directory + "/");
}

std::string given_state_directory() {
  const std::string directories = variable("STATE_DIRECTORY");
  return directories.substr(0, directories.find(':'));
}

}  // namespace pssst::server
