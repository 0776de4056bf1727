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
  double tp, fp, bp, bq, mann_whitney, ap;
  int64_t block;
} Tally;

static inline void fold(Tally *s) {
  s->mann_whitney += s->bq * (s->tp + 0.5 * s->bp);
  if (s->bp > 0) s->ap += s->bp * (s->tp + s->bp) / (s->tp + s->bp + s->fp + s->bq);
  s->tp += s->bp, s->fp += s->bq;
  s->bp = s->bq = 0.0;
}

/* One replicate over one grouping's arranged rows.
   weight: (n,) replicate weights in descending score order, as whole numbers. fresh, code: as from arrange. alone: 1 where
   no other row has this score. cut: (cuts,) positions at which tp and fp of every slice are noted, ascending.
   out: (slices, 4 + 2 cuts): events, non-events, Mann–Whitney, average precision's sum, then tp and fp at each cut. */
EXPORT int bootstrap_sweep(int64_t n, const int32_t *code, const uint8_t *fresh, const uint8_t *alone,
                           const uint8_t *weight, int64_t slices, const int32_t *slice_of_cell, int64_t cuts,
                           const int64_t *cut, double *out) {
  Tally *state = calloc((size_t)slices, sizeof(Tally));
  if (!state) return 1;
  const int64_t width = 4 + 2 * cuts;
  int64_t block = 0, next = 0;
  for (int64_t i = 0; i <= n; i++) {
    while (next < cuts && cut[next] == i) {
      for (int64_t k = 0; k < slices; k++) {
        fold(&state[k]);
        out[k * width + 4 + 2 * next] = state[k].tp, out[k * width + 5 + 2 * next] = state[k].fp;
      }
      next++;
    }
    if (i == n) break;
    block += fresh[i];
    if (!weight[i]) continue;
    const double w = weight[i];
    Tally *s = &state[slice_of_cell[code[i] >> 1]];
    if (alone[i]) {
      if (s->bp + s->bq > 0) fold(s);
      if (code[i] & 1) {
        s->tp += w;
        s->ap += w * s->tp / (s->tp + s->fp);
      } else {
        s->mann_whitney += w * s->tp;
        s->fp += w;
      }
      continue;
    }
    if (s->block != block) {
      fold(s);
      s->block = block;
    }
    if (code[i] & 1) s->bp += w;
    else s->bq += w;
  }
  for (int64_t k = 0; k < slices; k++) {
    fold(&state[k]);
    const double sums[4] = {state[k].tp, state[k].fp, state[k].mann_whitney, state[k].ap};
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
  for (int64_t i = 0; i < n; i++) {
    if (!weight[i]) continue;
    const double w = weight[i], *x = columns + i * k;
    double *sum = out + (int64_t)(code[i] >> 1) * k;
    for (int64_t j = 0; j < k; j++) sum[j] += w * x[j];
  }
}
