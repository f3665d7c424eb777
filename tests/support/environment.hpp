/// Variables of the environment, for tests of one thread.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace pssst {

/// One that is set for as long as this lives, and then unset.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (::setenv(name, value.c_str(), 1) != 0) throw std::runtime_error("setenv");
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

/// Without what systemd sets.
inline void forget_systemd() {
  for (const char* name : {"CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"}) ::unsetenv(name);
}

/// Throws if it is not set.
inline std::string needed_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

}  // namespace pssst
