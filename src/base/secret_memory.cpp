#include "base/secret_memory.hpp"
