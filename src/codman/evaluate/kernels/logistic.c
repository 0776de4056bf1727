/* Logistic recalibration of outcomes on logit(score), every slice of a grouping at once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

enum { FIT = 11 };

/* One pass at the current coefficients.
   x: (n,) logit of the clipped score. code: cell * 2 + event. coefficients: (slices, 3): intercept and slope fitted
   jointly, and the intercept with slope 1. out: (slices, FIT): gradient of the joint fit (2), its information (3), the
   meat of its sandwich (3), then gradient, information and meat of the lone intercept.
   residuals: NULL, or (n, 3) weighted score contributions, for sums by patient. */
EXPORT void logistic_pass(int64_t n, const double *x, const int32_t *code, const double *weight,
                          const int32_t *slice_of_cell, const double *coefficients, double *out, double *residuals) {
  for (int64_t r = 0; r < n; r++) {
    const int64_t s = slice_of_cell[code[r] >> 1];
    const double *c = coefficients + s * 3;
    double *sums = out + s * FIT;
    const double y = code[r] & 1, w = weight ? weight[r] : 1.0, v = x[r];
    const double p = 1.0 / (1.0 + exp(-(c[0] + c[1] * v)));
    const double q = 1.0 / (1.0 + exp(-(c[2] + v)));
    const double g = w * (y - p), h = w * p * (1.0 - p), g0 = w * (y - q);
    sums[0] += g, sums[1] += g * v;
    sums[2] += h, sums[3] += h * v, sums[4] += h * v * v;
    sums[5] += g * g, sums[6] += g * g * v, sums[7] += g * g * v * v;
    sums[8] += g0, sums[9] += w * q * (1.0 - q), sums[10] += g0 * g0;
    if (residuals) residuals[r * 3] = g, residuals[r * 3 + 1] = g * v, residuals[r * 3 + 2] = g0;
  }
}

/* Rows gathered on the nodes of a Chebyshev grid, so that a sum over rows of any smooth function of the logit is a sum over
   nodes. x: (n,) logits; bin b holds [low + b width, low + (b + 1) width). out: (codes, bins, degree): sums over rows of the
   Chebyshev polynomials of the place in the bin, -1 to 1. */
EXPORT void chebyshev_sums(int64_t n, const double *x, const int32_t *code, const double *weight, double low, double width,
                           int64_t bins, int64_t degree, double *out) {
  for (int64_t i = 0; i < n; i++) {
    const double at = (x[i] - low) / width;
    int64_t b = (int64_t)at;
    if (b >= bins) b = bins - 1;
    const double u = 2.0 * (at - (double)b) - 1.0, w = weight ? weight[i] : 1.0;
    double *sum = out + ((int64_t)code[i] * bins + b) * degree;
    double before = w, here = w * u;
    sum[0] += before, sum[1] += here;
    for (int64_t k = 2; k < degree; k++) {
      const double next = 2.0 * u * here - before;
      sum[k] += next;
      before = here, here = next;
    }
  }
}

static double likelihood(int64_t n, const double *x, const uint8_t *y, const double *weight, double a, double b) {
  double total = 0.0;
  for (int64_t i = 0; i < n; i++) {
    const double z = a + b * x[i], w = weight ? weight[i] : 1.0;
    const double m = z > 0 ? z : 0.0;
    total += w * ((y[i] ? z : 0.0) - (m + log(exp(z - m) + exp(-m))));
  }
  return total;
}

/* The best intercept for a given slope, by Newton's method kept within half-steps that do not overshoot. */
static double best_intercept(int64_t n, const double *x, const uint8_t *y, const double *weight, double a, double b) {
  for (int step = 0; step < 50; step++) {
    double g = 0.0, h = 0.0;
    for (int64_t i = 0; i < n; i++) {
      const double p = 1.0 / (1.0 + exp(-(a + b * x[i]))), w = weight ? weight[i] : 1.0;
      g += w * (y[i] - p), h += w * p * (1.0 - p);
    }
    if (!(h > 0)) return NAN;
    double move = g / h;
    if (move > 2.0) move = 2.0;
    if (move < -2.0) move = -2.0;
    a += move;
    if (fabs(move) < 1e-10) return a;
  }
  return a;
}

/* How far the likelihood has fallen at `value`, twice; `slope` gets its derivative in value. */
static double drop(int64_t n, const double *x, const uint8_t *y, const double *weight, int which, double value,
                   double *a, double top, double *slope) {
  double fixed = 1.0, intercept = value;
  if (which == 0) { /* slope given, intercept free */
    *a = best_intercept(n, x, y, weight, *a, value);
    fixed = value, intercept = *a;
  }
  double g = 0.0;
  for (int64_t i = 0; i < n; i++) {
    const double p = 1.0 / (1.0 + exp(-(intercept + fixed * x[i]))), w = weight ? weight[i] : 1.0;
    g += w * (y[i] - p) * (which == 0 ? x[i] : 1.0);
  }
  *slope = -2.0 * g; /* the free intercept is at its best, so it adds nothing */
  return 2.0 * (top - likelihood(n, x, y, weight, intercept, fixed));
}

/* Profile likelihood interval of the slope (which = 0) or of the intercept with slope 1 (which = 1).
   Each end is a root of drop = `fall` (a chi-square quantile): Newton steps from the Wald end, kept inside a bracket.
   ends: lower, upper; NaN where the likelihood never falls so far. */
EXPORT void profile_interval(int64_t n, const double *x, const uint8_t *y, const double *weight, int which, double a,
                             double b, double se, double fall, double *ends) {
  const double centre = which == 0 ? b : a;
  const double top = likelihood(n, x, y, weight, a, which == 0 ? b : 1.0);
  for (int side = 0; side < 2; side++) {
    const double sign = side ? 1.0 : -1.0;
    double start = a, inside = centre, outside = NAN, slope, at = centre + sign * sqrt(fall) * (se > 0 && isfinite(se) ? se : 1.0);
    ends[side] = NAN;
    for (int i = 0; i < 80; i++) {
      const double d = drop(n, x, y, weight, which, at, &start, top, &slope) - fall;
      if (!isfinite(d) || fabs(at) > 1e4) break;
      if (d >= 0) outside = at;
      else inside = at;
      double next = at - d / slope;
      const int bracketed = !isnan(outside);
      if (!(sign * slope > 0) || (bracketed && !((next - inside) * (next - outside) < 0))) next = bracketed ? 0.5 * (inside + outside) : at + sign * fabs(at - centre);
      if (!bracketed && !(sign * (next - at) > 0)) next = at + sign * fabs(at - centre);
      if (!bracketed && fabs(next - at) > 4.0 * fabs(at - centre)) next = at + 4.0 * (at - centre);
      if (bracketed && (fabs(next - at) < 1e-9 * (1.0 + fabs(at)) || fabs(d) < 1e-10)) {
        ends[side] = next;
        break;
      }
      at = next;
    }
  }
}
