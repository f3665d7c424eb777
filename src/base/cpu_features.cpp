#include "base/cpu_features.hpp"
