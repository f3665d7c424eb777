#include "crypto/public_key_check.hpp"
