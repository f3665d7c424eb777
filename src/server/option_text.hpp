/// What all parts of the command line share.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace pssst::server {

/// A mistake of usage.
inline tl::unexpected<base::Error> misuse(const std::string& what, const std::string& where,
                                          const std::string& remedy = "see pssstd --help") {
  return base::fail(what, where, remedy);
}

template <class T>
struct Choice {
  std::string_view name;
  T value;
};

/// The choice of that name; an Error that lists all.
template <class T>
base::Result<T> choose(const std::string& text, const std::string& where,
                       std::initializer_list<Choice<T>> choices) {
  std::string names;
  for (const Choice<T>& choice : choices) {
    if (choice.name == text) return choice.value;
    names += (names.empty() ? "" : " or ") + std::string(choice.name);
  }
  return misuse("\"" + text + "\" is not among its values", where, "choose " + names);
}

}  // namespace pssst::server
