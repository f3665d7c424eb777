/// The operating system's random generator.
#pragma once

#include <cstdint>
#include <span>

namespace pssst::base {

/// getrandom(2), whole; aborts if the kernel cannot give it.
void fill_random(std::span<std::uint8_t> bytes) noexcept;

}  // namespace pssst::base
