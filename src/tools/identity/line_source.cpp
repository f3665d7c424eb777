#include "tools/identity/line_source.hpp"

#include <algorithm>
#include <utility>

#include "tools/stream.hpp"

namespace pssst::tools {
namespace {

constexpr std::size_t kReadSize = std::size_t{1} << 20;

}  // namespace

LineSource::LineSource(int fd, std::string name, std::size_t line_size_max)
    : fd_(fd), name_(std::move(name)), line_size_max_(line_size_max) {}

base::Result<bool> LineSource::fill() {
  if (ended_) return false;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadSize);
  const auto n = read_up_to(fd_, std::span(buffer_).subspan(before));
  buffer_.resize(before + (n ? *n : 0));
  if (!n) return base::fail(n.error().what, name_);
  bytes_read_ += *n;
  ended_ = *n < kReadSize;
  return *n > 0;
}

base::Result<LineBatch> LineSource::next(std::size_t lines_max) {
  LineBatch batch{.first_line = line_, .text = {}, .lines = {}};
  std::vector<std::size_t> sizes;
  std::size_t size = 0;  // of the line that is being read, as far as it is kept
  const auto keep = [&](std::string_view bytes) {
    const std::size_t kept = std::min(bytes.size(), line_size_max_ + 1 - size);
    batch.text.insert(batch.text.end(), bytes.begin(),
                      bytes.begin() + static_cast<std::ptrdiff_t>(kept));
    size += kept;
  };
  const auto end_line = [&] { sizes.push_back(std::exchange(size, 0)); };
  bool within = false;
  while (sizes.size() < lines_max) {
    if (used_ == buffer_.size()) {
      const auto more = fill();
      if (!more) return tl::unexpected(more.error());
      if (!*more) {
        if (within) end_line();
        break;
      }
    }
    const std::string_view rest(buffer_.data() + used_, buffer_.size() - used_);
    const std::size_t end = rest.find('\n');
    keep(rest.substr(0, end));
    within = end == std::string_view::npos;
    used_ += within ? rest.size() : end + 1;
    if (!within) end_line();
  }
  line_ += sizes.size();
  std::size_t place = 0;
  for (const std::size_t n : sizes) {
    batch.lines.emplace_back(batch.text.data() + place, n);
    place += n;
  }
  return batch;
}

}  // namespace pssst::tools
