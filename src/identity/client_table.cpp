#include "identity/client_table.hpp"
