/* The same rules in C, as a measure of what the machine can do. One process, driven by lines on stdin:
 *   load FILE N          columns open, high, low, close, volume, time as doubles, one after the other
 *   volume | sma FRAC BARS_PER_YEAR | signals standard | signals strict
 *                        one pass; answers "NS A B ...": its time and numbers by which results are compared */
#define _POSIX_C_SOURCE 200809L
#include "backtest.h"
#include "signals.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WINDOW 20

static long n;
static double *o, *h, *l, *c, *v, *t, *ratio, *spread_ratio, *position;
static unsigned char *effort;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Four measures per bar; window sums as suffix plus prefix of blocks, in the engine's order of additions. */
static void volume_analysis(void) {
  double vs[WINDOW] = {0}, ss[WINDOW] = {0}, vp = 0, sp = 0;
  int place = 0;
  for (long i = 0; i < n; i++) {
    if (place == WINDOW) place = 0;
    if (place == 0) {
      if (i >= WINDOW) {
        double a = 0, b = 0;
        for (int k = WINDOW - 1; k >= 0; k--) {
          long j = i - WINDOW + k;
          a += v[j];
          b += h[j] - l[j];
          vs[k] = a;
          ss[k] = b;
        }
      }
      vp = sp = 0;
    }
    double spread = h[i] - l[i], r = NAN, s = NAN;
    unsigned char kind = 0;
    if (i >= WINDOW) {
      double volumes = vs[place] + vp, spreads = ss[place] + sp;
      s = spreads == 0 ? 0 : spread / (spreads / WINDOW);
      if (volumes != 0) {
        r = v[i] / (volumes / WINDOW);
        if (r >= 1.4) {
          if ((r >= 2 && s >= 1) || (r >= 1.5 && s >= 1.5)) kind = 3;
          else if (s <= 0.8) kind = 2;
        } else if (r <= 0.6 && s <= 0.8) kind = 1;
      }
    }
    ratio[i] = r;
    spread_ratio[i] = s;
    position[i] = spread == 0 ? 0.5 : (c[i] - l[i]) / spread;
    effort[i] = kind;
    vp += v[i];
    sp += spread;
    place++;
  }
}

static double *column(void) { return malloc(n * sizeof(double)); }

int main(void) {
  char line[4096], file[4000];
  double frac, per_year;
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "load %3999s %ld", file, &n) == 2) {
      double **all[] = {&o, &h, &l, &c, &v, &t, &ratio, &spread_ratio, &position};
      FILE *in = fopen(file, "rb");
      for (int k = 0; k < 9; k++) {
        free(*all[k]);
        *all[k] = column();
        if (k < 6 && fread(*all[k], sizeof(double), n, in) != (size_t)n) return 1;
        if (k >= 6) memset(*all[k], 0, n * sizeof(double));
      }
      fclose(in);
      free(effort);
      effort = calloc(n, 1);
      printf("0 0 0\n");
    } else if (strncmp(line, "volume", 6) == 0) {
      double began = now_ns(), sum = 0;
      volume_analysis();
      double took = now_ns() - began;
      long climaxes = 0;
      for (long i = WINDOW; i < n; i++) {
        if (!isnan(ratio[i])) sum += ratio[i] + spread_ratio[i] + position[i];
        climaxes += effort[i];
      }
      printf("%.0f %.17g %ld\n", took, sum, climaxes);
    } else if (sscanf(line, "sma %lf %lf", &frac, &per_year) == 2) {
      const Bars bars = {t, o, h, l, c, v, n};
      Report report;
      double began = now_ns();
      if (backtest_sma(&bars, 100000, frac, per_year, &report) >= 0) return 3;
      double took = now_ns() - began;
      backtest_free();
      printf("%.0f %.17g %ld %ld %.17g %.17g %.17g %ld %.17g %.17g %.17g\n", took, report.final_equity,
             report.trades, report.orders, report.sharpe, report.sortino, report.max_drawdown,
             report.max_drawdown_bars, report.win_rate, report.profit_factor, report.mean_deployed);
    } else if (strncmp(line, "signals", 7) == 0) {
      const double *const columns[7] = {o, h, l, c, v, ratio, spread_ratio};
      double began = now_ns();
      volume_analysis();
      signals_run(n, columns, effort, strstr(line, "strict") != NULL);
      double took = now_ns() - began;
      SignalsDigest digest = signals_digest();
      signals_free();
      printf("%.0f %.17g %.17g\n", took, digest.prices, digest.decisions);
    } else
      return 2;
    fflush(stdout);
  }
  return 0;
}
