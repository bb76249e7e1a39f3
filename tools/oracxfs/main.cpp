#include "tools/oracxfs/commands.h"

int main(int argc, char** argv) { return oracxfs::run_cli(argc, argv); }
