#include "crypto/x25519.hpp"
