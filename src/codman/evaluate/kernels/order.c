/* Rows put in order of score, once. They are first dealt into parts by score, each small enough to stay in the
   processor's cache, so that sorting ten times the rows takes ten times as long; then each part is sorted by the bytes of
   its scores. The sort is stable: the order of ties does not depend on the machine. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

/* Count the rows of each part. bound: (parts - 1,) ascending scores where a part begins. part: (n,) out.
   counts: (parts,) out. */
EXPORT void deal(int64_t n, const double *score, int64_t parts, const double *bound, uint16_t *part, int64_t *counts) {
  int64_t top = 1;
  while (top * 2 < parts) top *= 2;
  memset(counts, 0, (size_t)parts * sizeof(int64_t));
  for (int64_t i = 0; i < n; i++) {
    int64_t p = 0;
    for (int64_t step = top; step > 0 && parts > 1; step >>= 1)
      if (p + step < parts && score[i] >= bound[p + step - 1]) p += step;
    part[i] = (uint16_t)p;
    counts[p]++;
  }
}

typedef struct {
  uint64_t key;
  int32_t code;
  int32_t at; /* which of the rows dealt to this worker's stretch, counted from `first` */
} Item;

/* Put rows first..first+n into their parts. next: (parts,) where the next row of each part goes; moved on.
   items: (all rows,) out. weight follows by place. */
EXPORT void spread(int64_t n, int64_t first, const double *score, const int32_t *code, const uint16_t *part, int64_t *next,
                   Item *items) {
  for (int64_t i = first; i < first + n; i++) {
    const double s = score[i] + 0.0; /* -0 becomes 0, its equal */
    uint64_t bits;
    memcpy(&bits, &s, sizeof(bits));
    bits ^= (uint64_t)((int64_t)bits >> 63) | 0x8000000000000000u; /* as whole numbers they now rise with the score */
    items[next[part[i]]++] = (Item){bits, code[i], (int32_t)i};
  }
}

enum { DIGIT = 8, DIGITS = 1 << DIGIT };

/* Sort one part and write it out from the top. items: (n,) changed. place: where the part begins among all rows in
   ascending order; all: how many those are. order: (all,) out, ascending. code_out, score_out, weight_out, fresh: (all,)
   out, descending; fresh is 1 where the score differs from the one above. weight: (all,) the rows' own order. */
EXPORT int sort_part(int64_t n, Item *items, int64_t place, int64_t all, const double *weight, int64_t *order,
                     int32_t *code_out, double *score_out, double *weight_out, uint8_t *fresh) {
  if (n == 0) return 0;
  Item *spare = malloc((size_t)n * sizeof(Item));
  if (!spare) return 1;
  uint64_t differ = 0;
  for (int64_t i = 1; i < n; i++) differ |= items[i].key ^ items[0].key;
  Item *from = items, *to = spare;
  for (int shift = 0; shift < 64; shift += DIGIT) {
    if (!(differ >> shift & (DIGITS - 1))) continue;
    int64_t next[DIGITS + 1] = {0};
    for (int64_t i = 0; i < n; i++) next[(from[i].key >> shift & (DIGITS - 1)) + 1]++;
    for (int d = 0; d < DIGITS; d++) next[d + 1] += next[d];
    for (int64_t i = 0; i < n; i++) to[next[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
    Item *swapped = from;
    from = to, to = swapped;
  }
  for (int64_t i = 0; i < n; i++) {
    const int64_t down = all - 1 - place - i;
    const Item *item = &from[i];
    const uint64_t bits = item->key ^ ((item->key >> 63) ? 0x8000000000000000u : ~(uint64_t)0);
    order[place + i] = item->at;
    code_out[down] = item->code;
    memcpy(&score_out[down], &bits, sizeof(bits));
    fresh[down] = i == n - 1 || item->key != from[i + 1].key;
    if (weight) weight_out[down] = weight[item->at];
  }
  free(spare);
  return 0;
}
