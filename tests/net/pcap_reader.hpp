/// Reads pcap files as Wireshark's documentation of the format has it: a second reading of it, and
/// golden frames for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace pssst::net::test {

struct PcapFrame {
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0;  ///< of the frame on the wire
  std::vector<std::uint8_t> bytes;
};

/// Of a file in our byte order; none if it is anything else or ends within a frame.
inline std::optional<std::vector<PcapFrame>> read_pcap(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto word = [&bytes](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, &bytes.at(at), sizeof value);
    return value;
  };
  constexpr std::size_t kFileHeader = 24;
  constexpr std::size_t kFrameHeader = 16;
  if (bytes.size() < kFileHeader || word(20) != 1) return std::nullopt;
  const bool is_ns = word(0) == 0xa1b23c4d;
  if (!is_ns && word(0) != 0xa1b2c3d4) return std::nullopt;
  std::vector<PcapFrame> frames;
  for (std::size_t at = kFileHeader; at < bytes.size();) {
    if (bytes.size() - at < kFrameHeader || bytes.size() - at - kFrameHeader < word(at + 8)) {
      return std::nullopt;
    }
    PcapFrame& frame = frames.emplace_back();
    frame.time_ns = word(at) * 1'000'000'000ULL + word(at + 4) * (is_ns ? 1ULL : 1000ULL);
    frame.size = word(at + 12);
    const std::size_t kept = word(at + 8);
    at += kFrameHeader;
    frame.bytes.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                       bytes.begin() + static_cast<std::ptrdiff_t>(at + kept));
    at += kept;
  }
  return frames;
}

}  // namespace pssst::net::test
