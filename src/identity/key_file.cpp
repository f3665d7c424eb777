#include "identity/key_file.hpp"
