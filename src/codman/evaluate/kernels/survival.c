/* Pairs of patients whose order is known, for concordance: every row's part in them, in O(n log n).

   A row that failed can be compared with every row that was still followed after it, and with rows censored at the same
   time. Rows come sorted by time; a Fenwick tree over the ranks of the scores holds those met so far. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static inline void put(double *tree, int64_t size, int64_t rank, double mass) {
  for (int64_t at = rank + 1; at <= size; at += at & -at) tree[at] += mass;
}

static inline double below(const double *tree, int64_t rank) { /* mass of the ranks under this one */
  double sum = 0.0;
  for (int64_t at = rank; at > 0; at -= at & -at) sum += tree[at];
  return sum;
}

/* What follows each failure.
   step: (n,) place of each row's time among the distinct times, ascending. event: (n,) 1 where the row failed. rank: (n,)
   place of its score among `ranks` distinct scores. mass: (n,) weight, or NULL for 1.
   lower, after: (n,) for rows that failed, the mass of comparable rows with a lower score (ties by half), and of all. */
EXPORT int survival_after(int64_t n, const int32_t *step, const uint8_t *event, const int32_t *rank, int64_t ranks,
                          const double *mass, double *lower, double *after) {
  double *tree = calloc((size_t)(2 * ranks + 1), sizeof(double));
  if (!tree) return 1;
  double *same = tree + ranks + 1; /* mass at each rank itself, so that ties need no subtraction */
  double all = 0.0;
  for (int64_t end = n; end > 0;) {
    int64_t start = end - 1;
    while (start > 0 && step[start - 1] == step[end - 1]) start--;
    for (int pass = 0; pass < 2; pass++) { /* those censored now first: they outlived those who fail now */
      if (pass == 1)
        for (int64_t i = start; i < end; i++)
          if (event[i]) lower[i] = below(tree, rank[i]) + 0.5 * same[rank[i]], after[i] = all;
      for (int64_t i = start; i < end; i++) {
        if (event[i] != pass) continue;
        const double m = mass ? mass[i] : 1.0;
        if (m == 0.0) continue;
        put(tree, ranks, rank[i], m), same[rank[i]] += m, all += m;
      }
    }
    end = start;
  }
  free(tree);
  return 0;
}

/* What went before each row.
   weight: (sets, n) weight of each failure as the first of a pair, 0 to leave it out.
   higher, before: (sets, n) the weight of failures that the row outlived with a higher score (ties by half), and of all. */
EXPORT int survival_before(int64_t n, const int32_t *step, const uint8_t *event, const int32_t *rank, int64_t ranks,
                           int64_t sets, const double *weight, double *higher, double *before) {
  double *tree = calloc((size_t)(2 * ranks + 1), sizeof(double));
  if (!tree) return 1;
  double *same = tree + ranks + 1;
  for (int64_t set = 0; set < sets; set++) {
    const double *w = weight + set * n;
    double *up = higher + set * n, *ever = before + set * n;
    double all = 0.0;
    memset(tree, 0, (size_t)(2 * ranks + 1) * sizeof(double));
    for (int64_t start = 0; start < n;) {
      int64_t end = start + 1;
      while (end < n && step[end] == step[start]) end++;
      for (int pass = 1; pass >= 0; pass--) { /* those failing now are asked before they enter, those censored after */
        for (int64_t i = start; i < end; i++)
          if (event[i] == pass) up[i] = below(tree, ranks - 1 - rank[i]) + 0.5 * same[rank[i]], ever[i] = all;
        if (pass == 0) continue;
        for (int64_t i = start; i < end; i++) {
          if (!event[i] || w[i] == 0.0) continue;
          put(tree, ranks, ranks - 1 - rank[i], w[i]), same[rank[i]] += w[i], all += w[i];
        }
      }
      start = end;
    }
  }
  free(tree);
  return 0;
}

/* One pass of a weighted logistic fit at intercept a and slope b.
   out: log likelihood, its gradient (2), its information (3). Rows with no weight are skipped. */
EXPORT void survival_logistic(int64_t n, const double *z, const uint8_t *y, const double *weight, double a, double b,
                              double *out) {
  double fit = 0.0, g0 = 0.0, g1 = 0.0, s0 = 0.0, s1 = 0.0, s2 = 0.0;
  for (int64_t i = 0; i < n; i++) {
    const double w = weight[i];
    if (w == 0.0) continue;
    const double eta = a + b * z[i], e = exp(-fabs(eta)), wrong = y[i] ? -eta : eta;
    const double p = eta >= 0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
    const double g = w * ((double)y[i] - p), h = w * e / ((1.0 + e) * (1.0 + e));
    fit -= w * ((wrong > 0 ? wrong : 0.0) + log1p(e));
    g0 += g, g1 += g * z[i];
    s0 += h, s1 += h * z[i], s2 += h * z[i] * z[i];
  }
  out[0] = fit, out[1] = g0, out[2] = g1, out[3] = s0, out[4] = s1, out[5] = s2;
}
