/* One pass down the scores: AUROC, average precision and the sums their variances need, for every slice of a grouping.

   Ties are blocks: a slice's pending block is folded in when the slice meets the next score. AUROC's variance is
   DeLong's (1988) through placements; average precision's is its influence function. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

enum { SUMS = 18, AHEAD = 16 };

typedef struct {
  double tp, fp;             /* weight of events and non-events strictly above the current block */
  double run, run2;          /* weight and squared weight of non-events passed since the last event: they count alike */
  double bp, bq, bp2, bq2;   /* the pending block: weight of events, non-events, and squared weights */
  double mann_whitney;       /* sum over non-events of events above, ties half */
  double a1, a2, b1, b2;     /* placements of events (non-events above) and of non-events (events above) */
  double p2, q2;             /* squared weights by class */
  double ap, A, B;           /* average precision; running sums of its influence */
  double m1p, m2p, m1n, m2n; /* moments of the influence by class */
  int64_t block;
} State;

static inline void behind(State *s, double q, double q2, double above) { /* non-events with `above` events above them */
  s->mann_whitney += q * above;
  s->b1 += q2 * above;
  s->b2 += q2 * above * above;
  s->m1n += q2 * s->B;
  s->m2n += q2 * s->B * s->B;
  s->q2 += q2;
}

static inline void settle(State *s) { /* the run of non-events since the last event */
  behind(s, s->run, s->run2, s->tp);
  s->fp += s->run;
  s->run = s->run2 = 0.0;
}

static inline void fold_events(State *s) { /* a pending block that holds events */
  settle(s);
  const double p = s->bp, q = s->bq;
  if (q > 0) behind(s, q, s->bq2, s->tp + 0.5 * p);
  const double above = s->fp + 0.5 * q;
  s->a1 += s->bp2 * above;
  s->a2 += s->bp2 * above * above;
  s->p2 += s->bp2;
  const double inverse = 1.0 / (s->tp + p + s->fp + q);
  const double precision = (s->tp + p) * inverse;
  const double u = precision - s->A + s->B;
  s->ap += p * precision;
  s->m1p += s->bp2 * u;
  s->m2p += s->bp2 * u * u;
  s->A += p * inverse;
  s->B += p * precision * inverse;
  s->tp += p;
  s->fp += q;
  s->bp = s->bq = s->bp2 = s->bq2 = 0.0;
}

static inline void fold(State *s) {
  if (s->bp > 0) {
    fold_events(s);
    return;
  }
  s->run += s->bq, s->run2 += s->bq2;
  s->bq = s->bq2 = 0.0;
}

static inline void push(State *s, int event, double w) {
  if (event) {
    s->bp += w;
    s->bp2 += w * w;
  } else {
    s->bq += w;
    s->bq2 += w * w;
  }
}

/* Sweep one grouping. slice_of_cell maps cells to 0..slices-1. out: (slices, SUMS). */
EXPORT int rank_sweep(int64_t n, const int32_t *code, const uint8_t *fresh, const double *weight, int64_t slices,
                      const int32_t *slice_of_cell, double *out) {
  State *state = calloc((size_t)slices, sizeof(State));
  if (!state) return 1;
  int64_t block = 0;
  for (int64_t i = 0; i < n; i++) {
    block += fresh[i];
    State *s = &state[slice_of_cell[code[i] >> 1]];
    if (s->block != block) {
      fold(s);
      s->block = block;
    }
    push(s, code[i] & 1, weight ? weight[i] : 1.0);
  }
  for (int64_t k = 0; k < slices; k++) {
    State *s = &state[k];
    fold(s);
    settle(s);
    const double sums[SUMS] = {s->tp, s->fp, s->mann_whitney, s->a1, s->a2, s->b1,  s->b2,  s->p2,  s->q2,
                               s->ap, s->A,  s->B,            s->m1p, s->m2p, s->m1n, s->m2n, 0.0, 0.0};
    memcpy(out + k * SUMS, sums, sizeof(sums));
  }
  free(state);
  return 0;
}

/* Each row's influence on its slice's AUROC and average precision, written at the row's own place; for sums by patient.
   order: (n,) rows in ascending order of score. sums: what rank_sweep returned. out: (n, 2). */
EXPORT int rank_influence(int64_t n, const int64_t *order, const int32_t *code, const uint8_t *fresh,
                          const double *weight, int64_t slices, const int32_t *slice_of_cell, const double *sums,
                          double *out) {
  State *state = calloc((size_t)slices, sizeof(State));
  if (!state) return 1;
  for (int64_t i = 0, end; i < n; i = end) { /* block by block, so that what is tied is known when a row is written */
    for (end = i + 1; end < n && !fresh[end]; end++) {
    }
    for (int64_t r = i; r < end; r++) push(&state[slice_of_cell[code[r] >> 1]], code[r] & 1, weight ? weight[r] : 1.0);
    for (int64_t r = i; r < end; r++) {
      if (r + AHEAD < n) __builtin_prefetch(out + 2 * order[n - 1 - r - AHEAD], 1); /* rows lie anywhere in memory */
      const int32_t slice = slice_of_cell[code[r] >> 1];
      const State *s = &state[slice];
      const double *total = sums + (int64_t)slice * SUMS;
      const double P = total[0], N = total[1], w = weight ? weight[r] : 1.0;
      const double theta = total[2] / (P * N), ap = total[9] / P, A = total[10], B = total[11];
      double *at = out + 2 * order[n - 1 - r];
      if (code[r] & 1) {
        const double tp = s->tp + s->bp, fp = s->fp + s->bq;
        at[0] = w * ((N - s->fp - 0.5 * s->bq) / N - theta) / P;
        at[1] = w * (tp / (tp + fp) - ap + A - B + s->B - s->A) / P;
      } else {
        at[0] = w * ((s->tp + 0.5 * s->bp) / P - theta) / N;
        at[1] = -w * (B - s->B) / P;
      }
    }
    for (int64_t r = i; r < end; r++) {
      State *s = &state[slice_of_cell[code[r] >> 1]];
      if (s->bp > 0) {
        const double inverse = 1.0 / (s->tp + s->bp + s->fp + s->bq);
        s->A += s->bp * inverse;
        s->B += s->bp * (s->tp + s->bp) * inverse * inverse;
      }
      s->tp += s->bp, s->fp += s->bq;
      s->bp = s->bq = 0.0;
    }
  }
  free(state);
  return 0;
}

/* Counts between cuts: rows [edge[t], edge[t+1]) of the rows from the highest score down, by code. out: (segments, codes, 1 or 3): rows, or
   rows, weight and squared weight. */
EXPORT void count_between(int64_t segments, const int64_t *edge, const int32_t *code, const double *weight,
                          int64_t codes, double *out) {
  for (int64_t t = 0; t < segments; t++) {
    double *here = out + t * codes * (weight ? 3 : 1);
    for (int64_t i = edge[t]; i < edge[t + 1]; i++) {
      if (weight) {
        double *cell = here + (int64_t)code[i] * 3;
        cell[0] += 1.0, cell[1] += weight[i], cell[2] += weight[i] * weight[i];
      } else {
        here[code[i]] += 1.0;
      }
    }
  }
}
