/* Poisson bootstrap of everything a sweep gives, every slice of a grouping, ties exact.

   A patient's weight in a replicate is Poisson(1) from a hash of (seed, replicate, patient), so shards of the data that
   never meet draw the same weights and their sums merge. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static inline uint32_t mix(uint32_t h) { /* a bijection of 32 bits in which every input bit moves every output bit */
  h ^= h >> 16;
  h *= 0x7feb352dU;
  h ^= h >> 15;
  h *= 0x846ca68bU;
  h ^= h >> 16;
  return h;
}

static inline uint8_t poisson(uint32_t u) { /* inverse distribution function of Poisson(1) on 2^32 */
  return (uint8_t)((u >= 1580030169U) + (u >= 3160060337U) + (u >= 3950075422U) + (u >= 4213413783U) +
                   (u >= 4279248374U) + (u >= 4292415292U) + (u >= 4294609778U) + (u >= 4294923276U) +
                   (u >= 4294962463U) + (u >= 4294966817U));
}

static inline uint32_t key_of(uint64_t seed, uint64_t replicate) {
  return mix((uint32_t)seed ^ mix((uint32_t)(seed >> 32) ^ mix((uint32_t)replicate + 0x9e3779b9U)));
}

/* (n,) weights of one replicate. id: patient of each row, or NULL for the row's own number. */
EXPORT void poisson_weights(int64_t n, const int64_t *id, uint64_t seed, uint64_t replicate, double *out) {
  const uint32_t key = key_of(seed, replicate);
  for (int64_t i = 0; i < n; i++) {
    const uint64_t v = (uint64_t)(id ? id[i] : i);
    out[i] = poisson(mix(mix((uint32_t)v ^ key) + (uint32_t)(v >> 32) + key));
  }
}

typedef struct {
  int64_t tp, fp, bp, bq; /* weight of events and non-events above the current block, and in it */
  double lost, ap;        /* pairs in which the non-event stands above, ties half; average precision's sum */
} Tally;

static inline void meet_event(Tally *s, int64_t w) {
  s->lost += (double)w * (double)s->fp;
  s->tp += w;
  s->ap += (double)w * (double)s->tp / (double)(s->tp + s->fp);
}

static inline void fold(Tally *s) {
  if (s->bp) {
    s->lost += (double)s->bp * ((double)s->fp + 0.5 * (double)s->bq);
    s->ap += (double)s->bp * (double)(s->tp + s->bp) / (double)(s->tp + s->bp + s->fp + s->bq);
  }
  s->tp += s->bp, s->fp += s->bq;
  s->bp = s->bq = 0;
}

/* Rows [from, to) of every grouping at once; `to` is the end of a block. Most rows are non-events met alone: they only
   add to a count in each grouping, without a branch on their weight. */
static inline void meet(Tally *state, int64_t from, int64_t to, const int32_t *code, const uint8_t *fresh,
                        const uint8_t *alone, const uint8_t *weight, const int32_t *slice_of, const int64_t groupings) {
  for (int64_t i = from; i < to;) {
    if (alone[i]) {
      const int64_t w = weight[i];
      const int32_t *slice = slice_of + (int64_t)(code[i] >> 1) * groupings;
      if (!(code[i] & 1)) {
        for (int64_t g = 0; g < groupings; g++) state[slice[g]].fp += w;
      } else if (w) {
        for (int64_t g = 0; g < groupings; g++) meet_event(&state[slice[g]], w);
      }
      i++;
      continue;
    }
    int64_t end = i + 1;
    while (end < to && !fresh[end]) end++;
    for (int64_t r = i; r < end; r++) {
      const int32_t *slice = slice_of + (int64_t)(code[r] >> 1) * groupings;
      for (int64_t g = 0; g < groupings; g++)
        if (code[r] & 1) state[slice[g]].bp += weight[r];
        else state[slice[g]].bq += weight[r];
    }
    for (int64_t r = i; r < end; r++) {
      const int32_t *slice = slice_of + (int64_t)(code[r] >> 1) * groupings;
      for (int64_t g = 0; g < groupings; g++) fold(&state[slice[g]]);
    }
    i = end;
  }
}

/* One replicate over all groupings' arranged rows.
   weight: (n,) replicate weights in descending score order, as whole numbers. fresh, code: as from order_by_score. alone: 1 where
   no other row has this score. slice_of: (cells, groupings) slices of each cell. cut: (cuts,) positions, ends of blocks, at
   which tp and fp of every slice are noted, ascending.
   out: (slices, 4 + 2 cuts): events, non-events, Mann–Whitney, average precision's sum, then tp and fp at each cut. */
EXPORT int bootstrap_sweep(int64_t n, const int32_t *code, const uint8_t *fresh, const uint8_t *alone,
                           const uint8_t *weight, int64_t slices, int64_t groupings, const int32_t *slice_of,
                           int64_t cuts, const int64_t *cut, double *out) {
  Tally *state = calloc((size_t)slices, sizeof(Tally));
  if (!state) return 1;
  const int64_t width = 4 + 2 * cuts;
  int64_t from = 0;
  for (int64_t next = 0; next <= cuts; next++) {
    const int64_t to = next < cuts ? cut[next] : n;
    switch (groupings) { /* the loop over groupings unrolled where their number is common */
      case 1: meet(state, from, to, code, fresh, alone, weight, slice_of, 1); break;
      case 2: meet(state, from, to, code, fresh, alone, weight, slice_of, 2); break;
      case 3: meet(state, from, to, code, fresh, alone, weight, slice_of, 3); break;
      case 4: meet(state, from, to, code, fresh, alone, weight, slice_of, 4); break;
      case 8: meet(state, from, to, code, fresh, alone, weight, slice_of, 8); break;
      default: meet(state, from, to, code, fresh, alone, weight, slice_of, groupings);
    }
    from = to;
    if (next == cuts) break;
    for (int64_t k = 0; k < slices; k++)
      out[k * width + 4 + 2 * next] = (double)state[k].tp, out[k * width + 5 + 2 * next] = (double)state[k].fp;
  }
  for (int64_t k = 0; k < slices; k++) {
    const double tp = (double)state[k].tp, fp = (double)state[k].fp;
    const double sums[4] = {tp, fp, tp * fp - state[k].lost, state[k].ap};
    memcpy(out + k * width, sums, sizeof(sums));
  }
  free(state);
  return 0;
}

/* Replicate weights for rows in descending score order, as bytes. id: (n,) patient of each arranged row. */
EXPORT void poisson_bytes(int64_t n, const uint32_t *id, uint64_t seed, uint64_t replicate, uint8_t *out) {
  const uint32_t key = key_of(seed, replicate);
  for (int64_t i = 0; i < n; i++) out[i] = poisson(mix(mix(id[i] ^ key) + key));
}

/* Weighted sums of k columns by cell. columns: (n, k) in the same order as weight. out: (cells, k). */
EXPORT void weighted_sums(int64_t n, int64_t k, const double *columns, const int32_t *code, const uint8_t *weight,
                          double *out) {
  for (int64_t i = 0; i < n; i++) { /* no branch on weight 0: it could not be foretold */
    const double w = weight[i], *x = columns + i * k;
    double *sum = out + (int64_t)(code[i] >> 1) * k;
    for (int64_t j = 0; j < k; j++) sum[j] += w * x[j];
  }
}
