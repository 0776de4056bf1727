/* The row columns that probability metrics add up. */
#include <math.h>

#include "kernels.h"

/* out: (n, 7): 1, event, risk, squared error, log loss, Spiegelhalter's numerator, all times weight, and the variance of
   that numerator were the risks right, times squared weight. Risks are kept `clip` away from 0 and 1 in the log only. */
EXPORT void probability_columns(int64_t n, const double *score, const int32_t *code, const double *weight, double clip,
                                double *out) {
  for (int64_t i = 0; i < n; i++) {
    const double y = code[i] & 1, p = score[i], w = weight ? weight[i] : 1.0;
    const double chance = (code[i] & 1) ? p : 1.0 - p, kept = chance < clip ? clip : chance;
    double *x = out + i * 7;
    x[0] = w;
    x[1] = w * y;
    x[2] = w * p;
    x[3] = w * (y - p) * (y - p);
    x[4] = -w * log(kept);
    x[5] = w * (y - p) * (1.0 - 2.0 * p);
    x[6] = w * w * (1.0 - 2.0 * p) * (1.0 - 2.0 * p) * p * (1.0 - p);
  }
}

/* logit of the risk kept inside [clip, 1 - clip]; returns how many were moved. */
EXPORT int64_t logits(int64_t n, const double *score, double clip, double *out) {
  int64_t moved = 0;
  for (int64_t i = 0; i < n; i++) {
    double p = score[i];
    if (p < clip) p = clip, moved++;
    else if (p > 1.0 - clip) p = 1.0 - clip, moved++;
    out[i] = log(p / (1.0 - p));
  }
  return moved;
}
