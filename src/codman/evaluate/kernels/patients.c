/* Counts by patient: rows of one patient are not independent, so squares are taken of patients' sums, not of rows. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

/* A stable order of the rows by patient, as a counting sort. subject: (n,) 0 to patients-1. */
EXPORT int order_by_patient(int64_t n, const int32_t *subject, int64_t patients, int64_t *order) {
  int64_t *next = calloc((size_t)patients + 1, sizeof(int64_t));
  if (!next) return 1;
  for (int64_t i = 0; i < n; i++) next[subject[i] + 1]++;
  for (int64_t p = 0; p < patients; p++) next[p + 1] += next[p];
  for (int64_t i = 0; i < n; i++) order[next[subject[i]]++] = i;
  free(next);
  return 0;
}

typedef struct {
  double P, N;
  int64_t subject;
} Pending;

/* Patients in each slice of every grouping, and squares of their weight of events and non-events. Rows stand in patients'
   order: subject non-decreasing. slice_of: (cells, groupings) slices. out: (slices, 3): patients, PP, NN. */
EXPORT int patient_squares(int64_t n, const int32_t *subject, const int32_t *code, const double *weight, int64_t slices,
                           int64_t groupings, const int32_t *slice_of, double *out) {
  Pending *pending = calloc((size_t)slices, sizeof(Pending));
  if (!pending) return 1;
  for (int64_t s = 0; s < slices; s++) pending[s].subject = -1;
  for (int64_t i = 0; i < n; i++) {
    const int32_t *slice = slice_of + (int64_t)(code[i] >> 1) * groupings;
    const double w = weight ? weight[i] : 1.0;
    for (int64_t g = 0; g < groupings; g++) {
      Pending *p = &pending[slice[g]];
      if (p->subject != subject[i]) {
        double *sums = out + (int64_t)slice[g] * 3;
        sums[0] += 1.0, sums[1] += p->P * p->P, sums[2] += p->N * p->N;
        p->P = p->N = 0.0, p->subject = subject[i];
      }
      if (code[i] & 1) p->P += w;
      else p->N += w;
    }
  }
  for (int64_t s = 0; s < slices; s++) {
    out[s * 3 + 1] += pending[s].P * pending[s].P;
    out[s * 3 + 2] += pending[s].N * pending[s].N;
  }
  free(pending);
  return 0;
}

typedef struct {
  int32_t slice, reached, event; /* reached: how many thresholds, ascending, the score is at or above */
  double w;
} Row;

static int before(const void *a, const void *b) { /* by slice, then from the highest score down */
  const Row *x = a, *y = b;
  if (x->slice != y->slice) return x->slice < y->slice ? -1 : 1;
  return (x->reached < y->reached) - (x->reached > y->reached);
}

static void arrange_rows(Row *rows, int64_t count) {
  if (count > 32) {
    qsort(rows, (size_t)count, sizeof(Row), before);
    return;
  }
  for (int64_t i = 1; i < count; i++) {
    const Row moved = rows[i];
    int64_t at = i;
    for (; at > 0 && before(&moved, &rows[at - 1]) < 0; at--) rows[at] = rows[at - 1];
    rows[at] = moved;
  }
}

enum { STEPS = 9, WHOLE = 6 };

/* Second moments of patients' sums at every threshold, one grouping.
   Rows stand in patients' order. reached: (n,) how many of the ascending thresholds the row's score is at or above.
   steps: (slices, thresholds + 1, STEPS): what is gained on passing down from above threshold t (last: none reached) to
   t-1, of true and false positives a, b beside events and non-events P, N of the same patient: a, b, aa, bb, ab, aP, aN,
   bP, bN. Sums from the top give the moments at each threshold.
   whole: (slices, WHOLE): P, N, PP, NN, PN, patients. */
EXPORT int patient_moments(int64_t n, const int32_t *subject, const int32_t *code, const int32_t *reached,
                           const double *weight, int64_t slices, const int32_t *slice_of_cell, int64_t thresholds,
                           double *steps, double *whole) {
  int64_t room = 64;
  Row *rows = malloc((size_t)room * sizeof(Row));
  if (!rows) return 1;
  for (int64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && subject[end] == subject[i]; end++) {
    }
    const int64_t count = end - i;
    if (count > room) {
      free(rows);
      room = 2 * count;
      rows = malloc((size_t)room * sizeof(Row));
      if (!rows) return 1;
    }
    for (int64_t r = 0; r < count; r++) {
      const int32_t c = code[i + r];
      rows[r] = (Row){slice_of_cell[c >> 1], reached ? reached[i + r] : 0, c & 1, weight ? weight[i + r] : 1.0};
    }
    arrange_rows(rows, count);
    for (int64_t first = 0, last; first < count; first = last) {
      const int64_t s = rows[first].slice;
      double P = 0.0, N = 0.0, a = 0.0, b = 0.0;
      for (last = first; last < count && rows[last].slice == s; last++)
        if (rows[last].event) P += rows[last].w;
        else N += rows[last].w;
      double *of = whole + s * WHOLE;
      of[0] += P, of[1] += N, of[2] += P * P, of[3] += N * N, of[4] += P * N, of[5] += 1.0;
      for (int64_t r = first; r < last && rows[r].reached > 0; r++) {
        const double w = rows[r].w;
        double *step = steps + (s * (thresholds + 1) + rows[r].reached) * STEPS;
        if (rows[r].event) {
          step[0] += w, step[2] += w * (2.0 * a + w), step[4] += w * b, step[5] += w * P, step[6] += w * N;
          a += w;
        } else {
          step[1] += w, step[3] += w * (2.0 * b + w), step[4] += w * a, step[7] += w * P, step[8] += w * N;
          b += w;
        }
      }
    }
  }
  free(rows);
  return 0;
}
