/// A handler that answers from a table: the message is a name, the reply its value.
///
///     handler = "library", library = "lookup.so", options = { table = "meters" }
///
/// The file `meters` has lines of a name, a blank and a value. It is read when the handler is
/// loaded: a reload of the server reads it again. So replies vary, and the keys are of suite
/// 0xF002.
#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pssst/handler_library.hpp"

namespace {

namespace library = pssst::library;

class Lookup {
 public:
  static constexpr library::Traits kTraits{.name = "lookup", .reply_size_max = 1024};

  explicit Lookup(const library::Server& server) {
    const auto path = server.option("table");
    if (!path) throw std::runtime_error("the option table names no file");
    std::ifstream file{std::string(*path)};
    if (!file) throw std::runtime_error("cannot open " + std::string(*path));
    for (std::string name, value; file >> name && std::getline(file >> std::ws, value);) {
      if (value.size() > kTraits.reply_size_max) throw std::runtime_error(name + " is too long");
      table_.emplace_back(std::move(name), std::move(value));
    }
    std::sort(table_.begin(), table_.end());
  }

  // All workers call at once: the table does not change any more.
  void handle(library::Message& message) const noexcept {
    const auto before = [](const Entry& entry, std::string_view name) {
      return entry.first < name;
    };
    const auto found = std::lower_bound(table_.begin(), table_.end(), message.text(), before);
    if (found != table_.end() && found->first == message.text()) message.reply(found->second);
  }

 private:
  using Entry = std::pair<std::string, std::string>;
  std::vector<Entry> table_;  ///< sorted
};

}  // namespace

PSSST_LIBRARY_HANDLER(Lookup)
