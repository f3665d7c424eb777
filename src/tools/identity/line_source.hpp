/// A file, read as batches of lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace pssst::tools {

struct LineBatch {
  std::uint64_t first_line = 1;  ///< of the file, counted from 1
  std::vector<char> text;
  std::vector<std::string_view> lines;  ///< into `text`, without their ends
};

class LineSource {
 public:
  /// Of a line that is longer, `line_size_max` + 1 bytes are given. `name` is what errors call the
  /// file; `fd` is the caller's.
  LineSource(int fd, std::string name, std::size_t line_size_max);

  /// The next lines, `lines_max` at most; none at the end. The last needs no end of line.
  [[nodiscard]] base::Result<LineBatch> next(std::size_t lines_max);
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  /// Reads some more; false at the end.
  [[nodiscard]] base::Result<bool> fill();

  const int fd_;
  const std::string name_;
  const std::size_t line_size_max_;
  std::uint64_t line_ = 1;
  std::uint64_t bytes_read_ = 0;
  std::vector<char> buffer_;
  std::size_t used_ = 0;  ///< of the buffer
  bool ended_ = false;
};

}  // namespace pssst::tools
