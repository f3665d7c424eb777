/// The memory in which secrets live.
#pragma once

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace pssst::test {

/// All pages that are left out of core dumps: whatever was made with make_secret(). The sanitizers'
/// own, far larger, are not looked at.
inline std::vector<std::span<const std::uint8_t>> secret_pages() {
  std::vector<std::span<const std::uint8_t>> pages;
  std::ifstream maps("/proc/self/smaps");
  std::string mapping;
  for (std::string line; std::getline(maps, line);) {
    // "begin-end rw-p ...", then attributes, "VmFlags: ..." the last of them.
    if (line.find(':') > line.find(' ')) mapping = line;
    const bool is_dumped = line.find(" dd") == std::string::npos;
    if (!line.starts_with("VmFlags:") || is_dumped) continue;
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    const char* format = "%" SCNxPTR "-%" SCNxPTR;
    if (mapping.find(" rw-p ") == std::string::npos ||
        std::sscanf(mapping.c_str(), format, &begin, &end) != 2) {
      continue;
    }
    if (end - begin > std::size_t{16} << 20) continue;
    pages.emplace_back(reinterpret_cast<const std::uint8_t*>(begin), end - begin);
  }
  return pages;
}

}  // namespace pssst::test
