/// What instruction sets supply for SHA-256. Plain pointers, so that a file compiled for a newer
/// instruction set shares no inline function with anybody.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst::crypto {

/// For i < n: states[i] absorbs `count` blocks of 64 bytes each, the first at blocks[i] (FIPS
/// 180-4, section 6.2.2). A state is eight words, a to h, in the CPU's byte order. Any n. Constant
/// time in states and blocks; may leave what they were on the stack and in vector registers.
using Sha256Compress = void(std::uint32_t* const* states, const std::uint8_t* const* blocks,
                            std::size_t count, std::size_t n) noexcept;

/// Four lanes interleaved; needs SHA-NI and SSE4.1.
Sha256Compress sha256_compress_sha_ni;

}  // namespace pssst::crypto
