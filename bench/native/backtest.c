#include "backtest.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAST 10
#define SLOW 30
#define BLOCK 4096
#define DEEPEST 5

typedef enum { NONE, ENTER, EXIT } OrderKind;

typedef struct {
  OrderKind kind;
  double quantity;
  long signal_bar;
} Order;

typedef struct {
  long entry_bar, exit_bar, signal_bar;
  double quantity, entry, exit, pnl;
} Trade;

typedef struct {
  long peak, trough, recovery;
  double peak_value, trough_value, depth;
} Drawdown;

/* Grown while running and kept between runs, as the engine's log of trades is made anew for each. */
static Trade *trades;
static long trade_room;

void backtest_free(void) {
  free(trades);
  trades = NULL;
  trade_room = 0;
}

/* State of the account and its sums; the loops copy what they need to locals. */
typedef struct {
  double cash, held, entry;
  long entry_bar, signal_bar;
  double previous, sum, squares, downside;
  long flat;
  double peak, trough;
  long peak_at, trough_at;
  Drawdown deepest[DEEPEST];
  int found;
  double deployed, deployed_max;
  long held_points;
} Account;

static void drawdown_over(Account *a, long at) {
  double depth = (a->peak - a->trough) / a->peak;
  if (a->found == DEEPEST && depth <= a->deepest[DEEPEST - 1].depth) return;
  int k = a->found < DEEPEST ? a->found++ : DEEPEST - 1;
  for (; k > 0 && depth > a->deepest[k - 1].depth; k--) a->deepest[k] = a->deepest[k - 1];
  a->deepest[k] = (Drawdown){a->peak_at, a->trough_at, at, a->peak, a->trough, depth};
}

/* Marks bars `from` to `to - 1`: returns, drawdowns, what was deployed. */
static void mark(Account *a, const double *close, long from, long to, double per_bar) {
  double previous = a->previous, sum = a->sum, squares = a->squares, downside = a->downside;
  double peak = a->peak, trough = a->trough, deployed = a->deployed, deployed_max = a->deployed_max;
  const double cash = a->cash, held = a->held;
  long flat = a->flat;
  if (held == 0) {
    /* Only the first can differ from the mark before. */
    if (to == from) return;
    flat += to - from;
    if (cash != previous) {
      double excess = cash / previous - 1 - per_bar;
      sum += excess;
      squares += excess * excess;
      downside += excess < 0 ? excess * excess : 0;
      previous = cash;
      flat--;
    }
    if (cash >= peak) {
      if (trough < peak) drawdown_over(a, from);
      peak = trough = cash;
      a->peak_at = to - 1;
    } else if (cash < trough) {
      trough = cash;
      a->trough_at = from;
    }
  } else {
    for (long i = from; i < to; i++) {
      double worth = held * close[i], now = cash + worth;
      if (now != previous) {
        double excess = now / previous - 1 - per_bar;
        double loss = excess < 0 ? excess : 0;
        sum += excess;
        squares += excess * excess;
        downside += loss * loss;
        previous = now;
      } else
        flat++;
      if (now >= peak) {
        if (trough < peak) {
          a->peak = peak;
          a->trough = trough;
          drawdown_over(a, i);
        }
        peak = trough = now;
        a->peak_at = i;
      } else if (now < trough) {
        trough = now;
        a->trough_at = i;
      }
      double part = fabs(worth / now);
      deployed += part;
      deployed_max = part > deployed_max ? part : deployed_max;
    }
    a->held_points += to - from;
  }
  a->previous = previous;
  a->sum = sum;
  a->squares = squares;
  a->downside = downside;
  a->flat = flat;
  a->peak = peak;
  a->trough = trough;
  a->deployed = deployed;
  a->deployed_max = deployed_max;
}

static long check(const Bars *b, long from, long to) {
  double before = from == 0 ? -INFINITY : b->time[from - 1];
  for (long i = from; i < to; i++) {
    double t = b->time[i], o = b->open[i], h = b->high[i], l = b->low[i], c = b->close[i], v = b->volume[i];
    if (!(t > before && l > 0 && o >= l && o <= h && c >= l && c <= h && v >= 0 && t + h + v < INFINITY)) return i;
    before = t;
  }
  return -1;
}

static void log_trade(Account *a, long count, long bar, double price) {
  if (count == trade_room) {
    trade_room = trade_room == 0 ? 64 : trade_room * 2;
    trades = realloc(trades, trade_room * sizeof(Trade));
  }
  trades[count] = (Trade){a->entry_bar,  bar,       a->signal_bar, a->held, a->entry,
                          price, (price - a->entry) * a->held};
}

long backtest_sma(const Bars *bars, double capital, double frac, double per_year, Report *report) {
  const double *open = bars->open, *close = bars->close;
  const long n = bars->n;
  const double per_bar = 0.02 / per_year;
  Account a = {.cash = capital, .previous = capital, .peak = capital, .trough = capital, .peak_at = -1};
  Order order = {NONE, 0, 0};
  double fast = 0, slow = 0;
  long count = 0, orders = 0, marked = 0;
  int above = 0;
  for (long block = 0; block < n; block += BLOCK) {
    long end = block + BLOCK < n ? block + BLOCK : n;
    long odd = check(bars, block, end);
    if (odd >= 0) return odd;
    for (long i = block; i < end; i++) {
      if (order.kind != NONE) {
        mark(&a, close, marked, i, per_bar);
        marked = i;
        if (order.kind == ENTER) {
          if (order.quantity * open[i] <= a.cash) {
            a.cash -= order.quantity * open[i];
            a.held = order.quantity;
            a.entry = open[i];
            a.entry_bar = i;
            a.signal_bar = order.signal_bar;
          }
        } else {
          a.cash += a.held * open[i];
          log_trade(&a, count++, i, open[i]);
          a.held = 0;
        }
        order.kind = NONE;
      }
      /* The means drift by rounding; both are summed afresh now and then. */
      if (i < SLOW || i % BLOCK == 0) {
        if (i < SLOW - 1) continue;
        fast = slow = 0;
        for (long k = i; k > i - FAST; k--) fast += close[k];
        slow = fast;
        for (long k = i - FAST; k > i - SLOW; k--) slow += close[k];
      } else {
        fast += close[i] - close[i - FAST];
        slow += close[i] - close[i - SLOW];
      }
      double difference = fast * SLOW - slow * FAST;
      int side = difference > 0 ? 1 : difference < 0 ? -1 : 0;
      if (side == above) continue;
      above = side;
      if (i == SLOW - 1) continue;
      if (side > 0 && a.held == 0) {
        double quantity = floor(frac * a.cash / close[i] + 1e-9);
        orders++;
        if (quantity > 0) order = (Order){ENTER, quantity, i};
      } else if (side < 0 && a.held > 0) {
        orders++;
        order = (Order){EXIT, a.held, i};
      }
    }
    mark(&a, close, marked, end, per_bar);
    marked = end;
  }
  if (a.trough < a.peak) drawdown_over(&a, -1);

  double won = 0, lost = 0, losses = 0, wins = 0;
  for (long k = 0; k < count; k++) {
    double pnl = trades[k].pnl;
    if (pnl > 0) {
      wins++;
      won += pnl;
    } else if (pnl < 0) {
      losses++;
      lost -= pnl;
    }
  }
  double sum = a.sum - a.flat * per_bar, squares = a.squares + a.flat * per_bar * per_bar;
  double downside = a.downside + a.flat * per_bar * per_bar, mean = sum / n;
  Drawdown *worst = a.found > 0 ? &a.deepest[0] : NULL;
  *report = (Report){
      .final_equity = a.cash + a.held * close[n - 1],
      .sharpe = mean / sqrt((squares - n * mean * mean) / (n - 1)) * sqrt(per_year),
      .sortino = mean / sqrt(downside / n) * sqrt(per_year),
      .max_drawdown = worst ? worst->depth : 0,
      .max_drawdown_bars = worst ? (worst->recovery < 0 ? n - 1 : worst->recovery) - worst->peak : 0,
      .win_rate = wins / count,
      .profit_factor = won / lost,
      .mean_deployed = a.deployed / n,
      .trades = count,
      .orders = orders,
  };
  return -1;
}
