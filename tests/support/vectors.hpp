/// Test vectors: the project's own, and public ones that are kept outside it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.hpp"

namespace pssst::test {

inline nlohmann::json load_json(const std::filesystem::path& path) {
  std::ifstream stream(path);
  if (!stream) throw std::runtime_error("cannot open " + path.string());
  return nlohmann::json::parse(stream);
}

/// A file of tests/vectors, which the build system names in PSSST_TEST_VECTORS. Throws if it is
/// missing: it is part of the project.
inline nlohmann::json load_test_vectors(const std::string& name) {
  const char* folder = std::getenv("PSSST_TEST_VECTORS");
  if (folder == nullptr) throw std::runtime_error("PSSST_TEST_VECTORS is not set");
  return load_json(std::filesystem::path(folder) / name);
}

/// Where a public vector file would be: in PSSST_PUBLIC_VECTORS if set, else in
/// PSSST_PUBLIC_VECTORS_DEFAULT, which the build system sets.
inline std::filesystem::path public_vectors_path(const std::string& name) {
  for (const char* variable : {"PSSST_PUBLIC_VECTORS", "PSSST_PUBLIC_VECTORS_DEFAULT"}) {
    const char* folder = std::getenv(variable);
    if (folder != nullptr && *folder != '\0') return std::filesystem::path(folder) / name;
  }
  return name;
}

/// A public vector file; empty if it is not there, throws if it is there and unreadable.
inline std::optional<nlohmann::json> load_public_vectors(const std::string& name) {
  const std::filesystem::path path = public_vectors_path(name);
  if (!std::filesystem::exists(path)) return std::nullopt;
  return load_json(path);
}

/// The bytes of a string of hexadecimal digits; throws on anything else.
inline std::vector<std::uint8_t> bytes(const nlohmann::json& hex) {
  auto decoded = base::from_hex(hex.get<std::string>());
  if (!decoded) throw std::runtime_error("not hexadecimal: " + hex.dump());
  return std::move(*decoded);
}

/// The same, of exactly N bytes.
template <std::size_t N>
std::array<std::uint8_t, N> bytes_of_size(const nlohmann::json& hex) {
  std::array<std::uint8_t, N> array{};
  if (!base::from_hex(hex.get<std::string>(), array)) {
    throw std::runtime_error("not " + std::to_string(N) + " bytes of hexadecimal: " + hex.dump());
  }
  return array;
}

}  // namespace pssst::test
