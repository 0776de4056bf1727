/* Totals and second moments of row columns, by slice; summed within a patient first where rows repeat patients.

   For a metric that is a smooth function of totals, its variance is the quadratic form of its gradient in these second
   moments (linearisation); patients, not rows, are the independent units. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static inline void add_outer(double *moments, const double *x, int64_t k) {
  for (int64_t i = 0; i < k; i++) {
    const double xi = x[i];
    if (xi == 0.0) continue;
    for (int64_t j = 0; j <= i; j++) moments[i * k + j] += xi * x[j];
  }
}

static void mirror(double *moments, int64_t slices, int64_t k) {
  for (int64_t s = 0; s < slices; s++)
    for (int64_t i = 0; i < k; i++)
      for (int64_t j = i + 1; j < k; j++) moments[(s * k + i) * k + j] = moments[(s * k + j) * k + i];
}

/* columns: (n, k) row by row, already weighted. group: (n,) cell; slice_of_cell maps it to a slice. subject: (n,) non-
   decreasing patient codes, or NULL where each row is a patient. totals: (slices, k). moments: (slices, k, k), lower triangle mirrored.
   units: (slices,) patients counted. */
EXPORT int gram(int64_t n, int64_t k, const double *columns, const int32_t *cell, const int32_t *slice_of_cell,
                const int32_t *subject, int64_t slices, double *totals, double *moments, double *units) {
  if (!subject) {
    for (int64_t r = 0; r < n; r++) {
      const int64_t s = slice_of_cell[cell[r]];
      const double *x = columns + r * k;
      for (int64_t i = 0; i < k; i++) totals[s * k + i] += x[i];
      add_outer(moments + s * k * k, x, k);
      units[s] += 1.0;
    }
    mirror(moments, slices, k);
    return 0;
  }
  double *sum = calloc((size_t)(slices * k), sizeof(double));
  int64_t *touched = malloc((size_t)slices * sizeof(int64_t));
  uint8_t *seen = calloc((size_t)slices, 1);
  if (!sum || !touched || !seen) {
    free(sum), free(touched), free(seen);
    return 1;
  }
  for (int64_t r = 0; r < n;) {
    int64_t count = 0, end = r;
    for (; end < n && subject[end] == subject[r]; end++) {
      const int64_t s = slice_of_cell[cell[end]];
      if (!seen[s]) {
        seen[s] = 1;
        touched[count++] = s;
      }
      const double *x = columns + end * k;
      for (int64_t i = 0; i < k; i++) sum[s * k + i] += x[i];
    }
    for (int64_t c = 0; c < count; c++) {
      const int64_t s = touched[c];
      double *x = sum + s * k;
      for (int64_t i = 0; i < k; i++) totals[s * k + i] += x[i];
      add_outer(moments + s * k * k, x, k);
      units[s] += 1.0;
      memset(x, 0, (size_t)k * sizeof(double));
      seen[s] = 0;
    }
    r = end;
  }
  free(sum), free(touched), free(seen);
  mirror(moments, slices, k);
  return 0;
}
