#include "net/frame.hpp"
