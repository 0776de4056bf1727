/* Local linear smoothing with tricube weights over points sorted by x, as LOESS of degree 1 without robustness steps
   (Cleveland 1979), and the variance each smoothed value would have if the points were independent. */
#include <math.h>
#include "kernels.h"

/* x: (n,) sorted. y, mass (rows each point stands for), variance (of each point's y): (n,). span: share of all mass in
   each neighbourhood. at: (m,) sorted. out: (m,) smoothed; spread: (m,) its standard deviation. */
EXPORT void loess(int64_t n, const double *x, const double *y, const double *mass, const double *variance, double span,
                  int64_t m, const double *at, double *out, double *spread) {
  double total = 0.0;
  for (int64_t i = 0; i < n; i++) total += mass[i];
  const double wanted = span * total;
  for (int64_t j = 0; j < m; j++) {
    const double c = at[j];
    int64_t low = 0, high = n;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (x[middle] < c) low = middle + 1;
      else high = middle;
    }
    int64_t left = low, right = low; /* neighbourhood [left, right) grows to its nearest points until it holds enough */
    double held = 0.0, reach = 0.0;
    while (held < wanted && (left > 0 || right < n)) {
      const double to_left = left > 0 ? c - x[left - 1] : INFINITY, to_right = right < n ? x[right] - c : INFINITY;
      if (to_left <= to_right) held += mass[--left], reach = to_left;
      else held += mass[right++], reach = to_right;
    }
    double s0 = 0, s1 = 0, s2 = 0;
    const double scale = reach > 0 ? 1.0 / reach : 0.0;
    for (int64_t i = left; i < right; i++) {
      const double d = x[i] - c, u = fabs(d) * scale, t = 1.0 - u * u * u;
      if (u >= 1.0) continue;
      const double k = mass[i] * t * t * t;
      s0 += k, s1 += k * d, s2 += k * d * d;
    }
    const double det = s0 * s2 - s1 * s1;
    double smooth = 0.0, spread2 = 0.0;
    if (!(s0 > 0)) { /* all points at one x */
      for (int64_t i = left; i < right; i++) s0 += mass[i];
      for (int64_t i = left; i < right; i++) {
        const double l = mass[i] / s0;
        smooth += l * y[i], spread2 += l * l * variance[i];
      }
    } else {
      const int flat = !(det > 1e-12 * s0 * s2);
      for (int64_t i = left; i < right; i++) {
        const double d = x[i] - c, u = fabs(d) * scale, t = 1.0 - u * u * u;
        if (u >= 1.0) continue;
        const double k = mass[i] * t * t * t, l = flat ? k / s0 : k * (s2 - s1 * d) / det;
        smooth += l * y[i], spread2 += l * l * variance[i];
      }
    }
    out[j] = smooth;
    spread[j] = sqrt(spread2);
  }
}

/* The `share` quantile of |N(0, spread)| mixed over points in proportion to mass, by bisection. */
EXPORT double half_normal_quantile(int64_t n, const double *spread, const double *mass, double share) {
  double largest = 0.0, total = 0.0, low = 0.0;
  for (int64_t i = 0; i < n; i++) {
    if (spread[i] > largest) largest = spread[i];
    total += mass[i];
  }
  double high = 8.0 * largest;
  for (int step = 0; step < 40 && largest > 0; step++) {
    const double middle = 0.5 * (low + high);
    double held = 0.0;
    for (int64_t i = 0; i < n; i++) held += mass[i] * (spread[i] > 0 ? erf(middle / (spread[i] * 1.4142135623730951)) : 1.0);
    if (held < share * total) low = middle;
    else high = middle;
  }
  return 0.5 * (low + high);
}
