/* Values put into bins, and bins counted by cell or by patient. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

/* How many edges lie at or below each value: bin k holds [edge[k-1], edge[k]). NaN goes to `missing`.
   edge: (edges,) ascending. bin: (n,) out. */
EXPORT void place(int64_t n, const double *x, int64_t edges, const double *edge, int64_t missing, uint16_t *bin) {
  int64_t top = 1;
  while (top * 2 <= edges) top *= 2;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = 0;
    for (int64_t step = top; step > 0 && edges > 0; step >>= 1) k += (k + step <= edges && x[i] >= edge[k + step - 1]) ? step : 0;
    bin[i] = (uint16_t)(x[i] == x[i] ? k : missing);
  }
}

/* Add the rows of each bin to its cell. out: (cells, width), of which this column's bins begin at `first`. */
EXPORT void count_bins(int64_t n, const uint16_t *bin, const int32_t *cell, int64_t width, int64_t first, int64_t *out) {
  for (int64_t i = 0; i < n; i++) out[(int64_t)cell[i] * width + first + bin[i]]++;
}

/* What the rows of one patient do together, summed over the patients of each slice. Rows are in order of slice, then of
   patient; run: (runs + 1,) where each patient's rows in a slice begin. A bin >= bins is missing: the row does not count.
   With M the patient's rows in a bin (cumulative: in it or below) and m all their rows, out: (slices, 2 * bins + 1) holds
   the sums of M * M, then of M * m, then of m * m. */
EXPORT int patient_bins(int64_t runs, const int64_t *run, const int32_t *slice, const uint16_t *bin, int64_t bins,
                        int cumulative, double *out) {
  double *held = calloc((size_t)bins, sizeof(double));
  if (!held) return 1;
  for (int64_t r = 0; r < runs; r++) {
    double *sums = out + (int64_t)slice[r] * (2 * bins + 1), rows = 0.0;
    for (int64_t i = run[r]; i < run[r + 1]; i++) {
      const int64_t b = bin[i];
      if (b >= bins) continue;
      held[b] += 1.0;
      rows += 1.0;
    }
    if (rows == 0.0) continue;
    if (cumulative) {
      double below = 0.0;
      for (int64_t b = 0; b < bins; b++) {
        below += held[b];
        sums[b] += below * below;
        sums[bins + b] += below * rows;
        held[b] = 0.0;
      }
    } else {
      for (int64_t i = run[r]; i < run[r + 1]; i++) {
        const int64_t b = bin[i];
        if (b >= bins || held[b] == 0.0) continue;
        sums[b] += held[b] * held[b];
        sums[bins + b] += held[b] * rows;
        held[b] = 0.0;
      }
    }
    sums[2 * bins] += rows * rows;
  }
  free(held);
  return 0;
}
