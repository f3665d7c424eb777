/// What is wrong with a configuration file, and where.
#pragma once

#include <string>

namespace pssst::server {

/// A place in a text, both from 1; columns count characters.
struct Place {
  unsigned line = 1;
  unsigned column = 1;

  bool operator==(const Place&) const = default;
};

struct Fault {
  std::string file;
  unsigned line = 1;  ///< 0: it is the file as a whole
  unsigned column = 1;
  std::string what;    ///< a phrase without a full stop
  std::string remedy;  ///< what would be right; may be empty
};

/// "file:line:column: what: remedy", one line whatever the file's name holds.
[[nodiscard]] inline std::string to_string(const Fault& fault) {
  std::string text = fault.file;
  if (fault.line > 0) {
    text += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  }
  text += ": " + fault.what + (fault.remedy.empty() ? "" : ": ") + fault.remedy;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text;
}

}  // namespace pssst::server
