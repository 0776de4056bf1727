/* What every kernel file shares. Rows are patients' rows; a slice is a group of patients; all counts are doubles so
   that weights and rows share one path. Callers check shapes; nothing here allocates what it does not free. */
#ifndef CODMAN_KERNELS_H
#define CODMAN_KERNELS_H
#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#endif
