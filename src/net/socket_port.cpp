#include "net/socket_port.hpp"
