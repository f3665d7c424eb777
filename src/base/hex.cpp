#include "base/hex.hpp"
