#include "tools/cli.hpp"

int main(int argc, char** argv) {
  return pssst::tools::run_command(argc, argv);
}
