/* A logistic model that adds up one effect a bin of every column, fitted by cycling through the columns: a Newton step a
   bin, shrunk towards nought. Each pass applies the last column's step and gathers the next column's sums. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

enum { CURVE = 8192, MOST_BINS = 256 };
static const float REACH = 16.0f; /* beyond it a chance is 0 or 1 to seven digits */

static void draw_curve(float *curve) {
  for (int k = 0; k <= CURVE + 1; k++) curve[k] = (float)(1.0 / (1.0 + exp(-(2.0 * REACH * k / CURVE - REACH))));
}

static inline float chance(const float *curve, float margin) {
  const float kept = margin < -REACH ? -REACH : margin > REACH ? REACH : margin;
  const float at = (kept + REACH) * (CURVE / (2.0f * REACH));
  const int k = (int)at;
  return curve[k] + (at - (float)k) * (curve[k + 1] - curve[k]);
}

/* Fit on all rows but [from, to). bin: (columns, n) < MOST_BINS. label: (n,) 1 for the current rows. first: (columns + 1,)
   where each column's effects begin. effect: (first[columns],) in and out. Returns how many cycles were run, below 0
   where there is no memory. */
EXPORT int64_t additive_fit(int64_t n, int64_t columns, const uint8_t *bin, const uint8_t *label, const int64_t *first,
                            int64_t from, int64_t to, double intercept, double ridge, double tolerance, int64_t cycles,
                            double *effect) {
  float *margin = malloc((size_t)n * sizeof(float)), *curve = malloc((CURVE + 2) * sizeof(float));
  if (!margin || !curve) {
    free(margin);
    free(curve);
    return -1;
  }
  draw_curve(curve);
  for (int64_t i = 0; i < n; i++) margin[i] = (float)intercept;
  float step[MOST_BINS] = {0};
  const uint8_t *last = bin; /* the column whose step is still to be applied */
  int64_t cycle = 0;
  for (; cycle < cycles; cycle++) {
    double largest = 0.0;
    for (int64_t c = 0; c < columns; c++) {
      const uint8_t *of = bin + c * n;
      double slope[MOST_BINS] = {0}, bend[MOST_BINS] = {0};
      for (int part = 0; part < 2; part++) {
        const int64_t start = part ? to : 0, end = part ? n : from;
        for (int64_t i = start; i < end; i++) {
          const float now = margin[i] + step[last[i]], p = chance(curve, now);
          margin[i] = now;
          slope[of[i]] += (double)((float)label[i] - p);
          bend[of[i]] += (double)(p * (1.0f - p));
        }
      }
      last = of;
      memset(step, 0, sizeof(step));
      for (int64_t b = 0; b < first[c + 1] - first[c]; b++) {
        double *now = effect + first[c] + b, by = (slope[b] - ridge * *now) / (bend[b] + ridge);
        if (by > 1.0) by = 1.0; /* a Newton step from afar goes too far */
        if (by < -1.0) by = -1.0;
        *now += by;
        step[b] = (float)by;
        const double moves = fabs(by) * bend[b];
        if (moves > largest) largest = moves;
      }
    }
    if (largest < tolerance) {
      cycle++;
      break;
    }
  }
  free(margin);
  free(curve);
  return cycle;
}

/* Sums of effects of rows [from, to). margin: (n,) written there. */
EXPORT void additive_margin(int64_t n, int64_t columns, const uint8_t *bin, const int64_t *first, int64_t from,
                            int64_t to, double intercept, const double *effect, double *margin) {
  for (int64_t i = from; i < to; i++) margin[i] = intercept;
  for (int64_t c = 0; c < columns; c++)
    for (int64_t i = from; i < to; i++) margin[i] += effect[first[c] + bin[c * n + i]];
}
