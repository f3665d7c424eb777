/// Things mixed by weight: message sizes, hostile kinds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace pssst::tools::load {

/// Deals out indices in the proportion of their weights, as evenly as can be: after any number of
/// draws each has had its share, to within one (smooth weighted round robin).
class Mix {
 public:
  /// At least one weight above zero, none below.
  explicit Mix(std::vector<double> weights);
  [[nodiscard]] std::size_t draw() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return weights_.size(); }

 private:
  std::vector<double> weights_;
  std::vector<double> credit_;
  double sum_;
};

struct WeightedSize {
  std::size_t size = 0;  ///< bytes
  double weight = 1;
};

/// "64" or "22:3,64:5,1200:1". Refuses sizes above `size_max` and weights that are not above zero.
[[nodiscard]] base::Result<std::vector<WeightedSize>> parse_sizes(const std::string& text,
                                                                  std::size_t size_max);

struct NamedWeight {
  std::string name;
  double weight = 0;
};

/// "junk:0.5,replay:0.1": names and numbers above zero, no name twice.
[[nodiscard]] base::Result<std::vector<NamedWeight>> parse_named_weights(const std::string& text);

}  // namespace pssst::tools::load
