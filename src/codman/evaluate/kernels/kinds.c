/* Kinds of rows by patient. At one threshold a row is one of eight kinds: with the event or without, flagged by model A
   or not, by B or not. Patients' weight of each kind is all that the variances of a comparison need there. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

enum { KINDS = 8, MIXES = 256 };

typedef struct {
  double weight[KINDS];
  int32_t subject;
  uint8_t mix; /* which kinds the patient has, a bit each */
} Patient;

static void fold(Patient *p, double *moments, double *mixes) {
  mixes[p->mix] += 1.0;
  for (int i = 0; i < KINDS; i++) {
    if (!(p->mix >> i & 1)) continue;
    for (int j = 0; j <= i; j++) moments[i * KINDS + j] += p->weight[i] * p->weight[j];
  }
  memset(p->weight, 0, sizeof(p->weight));
  p->mix = 0;
}

/* One grouping. Rows stand in patients' order: subject non-decreasing. kind: (n,) event * 4 + A * 2 + B.
   moments: (slices, KINDS, KINDS) second moments of patients' weight. mixes: (slices, MIXES) patients by the kinds they
   have. */
EXPORT int kind_moments(int64_t n, const int32_t *subject, const int32_t *cell, const uint8_t *kind,
                        const double *weight, int64_t slices, const int32_t *slice_of_cell, double *moments,
                        double *mixes) {
  Patient *patient = calloc((size_t)slices, sizeof(Patient));
  if (!patient) return 1;
  for (int64_t i = 0; i < n; i++) {
    const int64_t s = slice_of_cell[cell[i]];
    Patient *p = &patient[s];
    if (p->mix && p->subject != subject[i]) fold(p, moments + s * KINDS * KINDS, mixes + s * MIXES);
    p->subject = subject[i];
    p->mix |= (uint8_t)(1u << kind[i]);
    p->weight[kind[i]] += weight ? weight[i] : 1.0;
  }
  for (int64_t s = 0; s < slices; s++) {
    double *of = moments + s * KINDS * KINDS;
    if (patient[s].mix) fold(&patient[s], of, mixes + s * MIXES);
    for (int i = 0; i < KINDS; i++)
      for (int j = i + 1; j < KINDS; j++) of[i * KINDS + j] = of[j * KINDS + i];
  }
  free(patient);
  return 0;
}
