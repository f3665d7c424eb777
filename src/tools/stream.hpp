/// Standard input and output as bytes, past stdio: its buffers are never wiped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace pssst::tools {

/// Reads until the end of `fd` or until the buffer is full; the bytes read.
[[nodiscard]] base::Result<std::size_t> read_up_to(int fd, std::span<char> buffer);

/// Everything up to the end of `fd`; an error if that is more than `size_max` bytes. `name` is what
/// errors call it.
[[nodiscard]] base::Result<std::vector<std::uint8_t>> read_all(int fd, std::size_t size_max,
                                                               const std::string& name);

/// Writes all of it.
[[nodiscard]] base::Result<void> write_all(int fd, std::string_view bytes);

/// Without the white space around it.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// A line on standard error; nobody is left to tell if that fails.
void print_note(const std::string& line);

/// "pssst COMMAND: error" on standard error; returns kExitError.
int report(std::string_view command, const base::Error& error);

/// Text that holds a secret: fixed room, wiped on destruction.
struct SecretText {
  std::array<char, 256> buffer{};
  std::size_t size = 0;

  SecretText() = default;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText();
  [[nodiscard]] std::string_view view() const noexcept { return {buffer.data(), size}; }
};

}  // namespace pssst::tools
