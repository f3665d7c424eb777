/// Every key that a configuration file may have. A new one is an entry of a table here and in
/// deploy/pssstd.toml, where its default and its meaning stand.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/configuration.hpp"
#include "server/config/value_reader.hpp"

namespace pssst::server {

template <class Target>
struct Key {
  std::string_view name;
  void (*read)(ValueReader& reader, const TomlNode& value, Target& target);
};

struct Section {
  std::string_view name;
  std::span<const Key<Configuration>> keys;
};

/// A service while it is read, and where in the file each part of it stands.
struct ServiceDraft {
  ServiceSettings settings;
  Place place;                          ///< of [[service]]
  std::map<std::string, Place> places;  ///< of the values of its keys
  std::vector<Place> key_places;        ///< of each of settings.key_files
  bool has_all_keys = true;             ///< false: a key was refused, and said so
  bool has_all_types = true;            ///< the same of its message types

  [[nodiscard]] Place place_of(const std::string& key) const {
    const auto found = places.find(key);
    return found == places.end() ? place : found->second;
  }
};

/// All but [[service]].
[[nodiscard]] std::span<const Section> configuration_sections() noexcept;
/// Those of each [[service]].
[[nodiscard]] std::span<const Key<ServiceDraft>> service_keys() noexcept;

}  // namespace pssst::server
