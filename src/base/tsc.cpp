#include "base/tsc.hpp"
