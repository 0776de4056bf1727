#include "kernels.h"
EXPORT int codman_kernels_version(void) { return 1; }
