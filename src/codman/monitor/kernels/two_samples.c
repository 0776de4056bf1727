/* Two sorted samples walked side by side. */
#include <math.h>

#include "kernels.h"

/* The largest gap between the distribution functions of two ascending samples, and the area between them. Ties are
   blocks: a gap counts only where the next value is larger. out: (2,) gap, area; the area is not finite where a value is
   not. The walk has no branch to guess: which sample is next is as good as random. */
EXPORT void two_samples(int64_t m, const double *a, int64_t n, const double *b, double *out) {
  const double per_a = 1.0 / (double)m, per_b = 1.0 / (double)n;
  double gap = 0.0, widest = 0.0, area = 0.0, last = a[0] < b[0] ? a[0] : b[0];
  int64_t i = 0, j = 0;
  while (i < m && j < n) {
    const double u = a[i], v = b[j], x = u < v ? u : v, step = x - last;
    gap = fabs((double)i * per_a - (double)j * per_b);
    area += gap * step;
    gap = step > 0 ? gap : 0.0;
    widest = gap > widest ? gap : widest;
    last = x;
    i += u <= v;
    j += v <= u;
  }
  for (; i < m || j < n;) { /* one of them is at its end */
    const double x = i < m ? a[i] : b[j], step = x - last;
    gap = fabs((double)i * per_a - (double)j * per_b);
    area += gap * step;
    if (step > 0 && gap > widest) widest = gap;
    last = x;
    if (i < m) i++;
    else j++;
  }
  out[0] = widest;
  out[1] = area;
}
