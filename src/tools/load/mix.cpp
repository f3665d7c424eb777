#include "tools/load/mix.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "base/assert.hpp"

namespace pssst::tools::load {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_weight(std::string_view text) {
  const auto weight = parse_number<double>(text);
  if (!weight || !std::isfinite(*weight) || *weight <= 0) return std::nullopt;
  return weight;
}

struct Part {
  std::string_view name;
  std::optional<std::string_view> weight;
};

/// "a:1,b" -> {a, 1}, {b, none}.
std::vector<Part> split(std::string_view text) {
  std::vector<Part> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t colon = part.find(':');
    parts.push_back({part.substr(0, colon), std::nullopt});
    if (colon != std::string_view::npos) parts.back().weight = part.substr(colon + 1);
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

Mix::Mix(std::vector<double> weights)
    : weights_(std::move(weights)),
      credit_(weights_.size()),
      sum_(std::accumulate(weights_.begin(), weights_.end(), 0.0)) {
  PSSST_ASSERT(sum_ > 0 && std::ranges::all_of(weights_, [](double w) { return w >= 0; }));
}

std::size_t Mix::draw() noexcept {
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    credit_[i] += weights_[i];
    if (credit_[i] > credit_[chosen]) chosen = i;
  }
  credit_[chosen] -= sum_;
  return chosen;
}

base::Result<std::vector<WeightedSize>> parse_sizes(const std::string& text, std::size_t size_max) {
  std::vector<WeightedSize> sizes;
  for (const Part& part : split(text)) {
    const auto size = parse_number<std::size_t>(part.name);
    const auto weight = part.weight ? parse_weight(*part.weight) : std::optional(1.0);
    if (!size || !weight) {
      return base::fail("not a size in bytes, nor sizes with weights", text,
                        "write 64, or 22:3,64:5,1200:1");
    }
    if (*size > size_max) {
      return base::fail("a message of " + std::to_string(*size) + " bytes does not fit a datagram",
                        text, "a message has at most " + std::to_string(size_max) + " bytes here");
    }
    sizes.push_back({*size, *weight});
  }
  return sizes;
}

base::Result<std::vector<NamedWeight>> parse_named_weights(const std::string& text) {
  std::vector<NamedWeight> weights;
  for (const Part& part : split(text)) {
    const auto weight = part.weight ? parse_weight(*part.weight) : std::nullopt;
    if (part.name.empty() || !weight) {
      return base::fail("not names with numbers above zero", text, "write junk:0.5,replay:0.1");
    }
    if (std::ranges::find(weights, part.name, &NamedWeight::name) != weights.end()) {
      return base::fail(std::string(part.name) + " stands twice", text);
    }
    weights.push_back({std::string(part.name), *weight});
  }
  return weights;
}

}  // namespace pssst::tools::load
