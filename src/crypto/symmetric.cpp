#include "crypto/symmetric.hpp"
