/* What every kernel file shares: exported symbols and whole-number types. */
#ifndef CODMAN_KERNELS_H
#define CODMAN_KERNELS_H
#include <stdint.h>
#include <stddef.h>
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#endif
