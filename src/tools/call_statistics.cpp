#include "tools/call_statistics.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "base/assert.hpp"

namespace pssst::tools {
namespace {

std::string fixed(double value, int decimals) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(decimals) << value;
  return text.str();
}

std::string milliseconds_text(std::chrono::nanoseconds duration) {
  return fixed(std::chrono::duration<double, std::milli>(duration).count(), 3) + " ms";
}

}  // namespace

void CallStatistics::add(const client::CallReport& report) {
  ++calls_;
  bad_replies_ += report.bad_replies;
  if (report.reply) latencies_.push_back(report.elapsed);
}

std::chrono::nanoseconds CallStatistics::percentile(unsigned percent) const {
  PSSST_ASSERT(percent > 0 && percent <= 100);
  if (latencies_.empty()) return {};
  std::vector<std::chrono::nanoseconds> sorted = latencies_;
  const std::size_t rank = (sorted.size() * percent + 99) / 100;
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::ranges::nth_element(sorted, nth);
  return *nth;
}

std::string CallStatistics::summary(std::chrono::nanoseconds elapsed) const {
  std::string text = std::to_string(calls_) + " calls, " + std::to_string(answered()) +
                     " answered, " + rate_text(answered(), elapsed);
  if (answered() > 0) {
    text +=
        ", p50 " + milliseconds_text(percentile(50)) + ", p99 " + milliseconds_text(percentile(99));
  }
  if (bad_replies_ > 0) text += ", " + std::to_string(bad_replies_) + " bad replies ignored";
  return text;
}

std::string rate_text(std::uint64_t count, std::chrono::nanoseconds elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return fixed(seconds > 0 ? static_cast<double>(count) / seconds : 0.0, 1) + "/s";
}

}  // namespace pssst::tools
