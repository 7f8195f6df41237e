/* A backtest of the SMA cross in C: what the engine's run does for it, by the same rules and in the same order of additions. */
#ifndef BACKTEST_H
#define BACKTEST_H

typedef struct {
  const double *time, *open, *high, *low, *close, *volume;
  long n;
} Bars;

typedef struct {
  double final_equity, sharpe, sortino, max_drawdown, win_rate, profit_factor, mean_deployed;
  long trades, orders, max_drawdown_bars;
} Report;

/* Returns the index of the first bar that is none, or -1. Long only, no costs, `frac` of equity per entry; a risk-free
 * return of 2 % a year of `per_year` bars. */
long backtest_sma(const Bars *bars, double capital, double frac, double per_year, Report *report);
void backtest_free(void);

#endif
