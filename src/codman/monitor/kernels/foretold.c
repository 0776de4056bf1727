/* What is foretold of rows whose outcome is not yet known: isotonic risks, and the AUROC expected of them with its spread. */
#include "kernels.h"

/* Pool neighbours whose share of events falls as the score rises. score: (n,) ascending; equal scores are one block from
   the start. weight: NULL, or (n,) above 0. last, mass, squares, events: (n,) out, of which the first blocks are written:
   last row, weight, squared weight and weight of events of each. Returns how many blocks there are. */
EXPORT int64_t isotonic(int64_t n, const double *score, const uint8_t *event, const double *weight, int64_t *last,
                        double *mass, double *squares, double *events) {
  int64_t top = -1;
  for (int64_t i = 0; i < n;) {
    double w = 0.0, w2 = 0.0, e = 0.0;
    const double here = score[i];
    for (; i < n && score[i] == here; i++) {
      const double one = weight ? weight[i] : 1.0;
      w += one, w2 += one * one;
      if (event[i]) e += one;
    }
    while (top >= 0 && events[top] * w >= e * mass[top]) { /* shares compared without dividing */
      w += mass[top], w2 += squares[top], e += events[top];
      top--;
    }
    top++;
    last[top] = i - 1, mass[top] = w, squares[top] = w2, events[top] = e;
  }
  return top + 1;
}

/* The AUROC expected when each row has the event with its own chance, ties half, and how it moves with each row's outcome.
   score: (n,) ascending. risk: (n,). edge: (blocks + 1,) rows where blocks of risks learned together begin, and n.
   out: expected events, pairs in order, variance if outcomes are independent, third moment. reach: (blocks,) how the AUROC
   moves with the block's risk. pull: NULL, or (n,) how it moves with each row's outcome. */
EXPORT void expected_auroc(int64_t n, const double *score, const double *risk, int64_t blocks, const int64_t *edge,
                           double *out, double *reach, double *pull) {
  double p = 0.0, q = 0.0, pairs = 0.0;
  for (int64_t i = 0; i < n; i++) p += risk[i];
  q = (double)n - p;
  double below = 0.0;
  for (int64_t i = 0; i < n;) {
    double events = 0.0, rows = 0.0;
    const double here = score[i];
    for (; i < n && score[i] == here; i++) events += risk[i], rows += 1.0;
    const double others = rows - events;
    pairs += events * (below + 0.5 * others);
    below += others;
  }
  const double all = p * q, auroc = pairs / all, lean = auroc * (q - p);
  double above = p, variance = 0.0, third = 0.0;
  below = 0.0;
  int64_t block = 0;
  for (int64_t k = 0; k < blocks; k++) reach[k] = 0.0;
  for (int64_t i = 0; i < n;) {
    double events = 0.0;
    const double here = score[i];
    const int64_t first = i;
    for (; i < n && score[i] == here; i++) events += risk[i];
    const double others = (double)(i - first) - events;
    const double move = (below + 0.5 * others - above + 0.5 * events - lean) / all;
    for (int64_t j = first; j < i; j++) {
      const double spread = risk[j] * (1.0 - risk[j]) * move * move;
      variance += spread, third += spread * move * (1.0 - 2.0 * risk[j]);
      while (block + 1 < blocks && j >= edge[block + 1]) block++;
      reach[block] += move;
      if (pull) pull[j] = move;
    }
    below += others, above -= events;
  }
  out[0] = p, out[1] = pairs, out[2] = variance, out[3] = third;
}
