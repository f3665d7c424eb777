#include "net/dpdk_port.hpp"
