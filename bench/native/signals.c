/* The whole signal pipeline in C: the engine's rules with the engine's algorithms and order of additions, so that
 * every decision and price can be compared to the last digit. Daily bars without holes, the default account, sectors
 * and session; texts (keys, reasons, logs) are left out. Sections are those of docs/method.md. */
#include "signals.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REACH 5
#define PIVOTS 24
#define NEVER (1 << 30)

typedef struct {
  double strength_min, climax_volume, climax_spread, climax_position, st_distance, spring_volume, sos_volume,
      sos_direct_volume, utad_volume, utad_min, utad_max;
  int climax_effort, sos_direct_confidence, sos_from_b;
} Rules;

static const Rules strict = {60, 2, 1.5, .5, .02, .7, 1.5, 2, 1.5, .005, .01, 1, 80, 0};
static const Rules standard = {40, 1.2, 1.3, .4, .03, 1.3, 1.1, 1.1, 1.2, .002, .02, 0, 70, 1};

typedef struct {
  double price, extreme;
  int strength, touches, first, last;
} Level;

typedef struct {
  int bar, confirmed, confidence;
  double ratio, price;
} Test;

typedef struct {
  int dir, first, last, extreme_bar, confidence, rally_bar, rally_confirmed, rally_confidence, ntests;
  double extreme, ratio, spread, rally_price;
  Test tests[16];
} Zone;

enum { CLIMAX, RALLY, TEST };
enum { NONE, A, B, C, D, E };
enum { ACTIVE, BREAKOUT, COMPLETED, ARCHIVED };
enum { SPRING, SOS, LPS, UTAD };
enum { AWAITING, PENDING_LPS, FOLLOWED, LOW_CONFIDENCE, LAPSED, CANDIDATE, REJECTED, SIGNALLED };
enum { PENDING, APPROVED, FILLED, STOPPED, TARGET_HIT, CLOSED, EXPIRED };

typedef struct {
  int kind, at, confirmed, zone, confidence;
} StreamEvent;

typedef struct {
  int dir, nzones, ntape, nwaiting, ntesting;
  Zone **zones;
  StreamEvent *tape;
  Zone *waiting[8], *testing[16];
} Stream;

typedef struct {
  double price[PIVOTS], mean[PIVOTS], spread[PIVOTS];
  int bar[PIVOTS], start[PIVOTS], count[PIVOTS], first[PIVOTS], last[PIVOTS];
  int pivots, clusters, oldest;
} Side;

struct Range;
typedef struct {
  int type, bar, confirmed, confidence, phase, phase_confidence, status, test_bar, best_grade;
  int recovery, ice_strength;
  double ratio, best_ratio, ice, low, penetration, tests_ratio;
  struct Range *range;
} Pattern;

typedef struct {
  int bar, confidence, from_b, late_c;
  Pattern *pattern;
} Break;

typedef struct {
  int bar, phase, phase_confidence, has_break;
  Level creek;
  Break sos;
} OpenUtad;

typedef struct {
  int first, last, quality;
  double ice_mean, creek_mean;
  Level ice, creek;
  int beaten;
} Pair;

typedef struct Range {
  Pair p; /* first, last, quality, means and levels, compared as those of a pair are */
  int active, version, status, status_bar, bias, dir, phase, phase_bar, confidence, stale, own_from, tests, b_began;
  double cause;
  Zone *zone;
  int c_set, c_bar, c_confirmed, c_confidence, c_seen, tested, tested_bar, tested_test, short_b;
  int has_break, has_last_break, pullback_bar, pullback_confidence, pullback_open;
  Break brk, last_brk;
  int spring_open, spring_bar, spring_short;
  Level spring_ice;
  double spring_lowest;
  int nawaiting, nutads, left_up, failed, away;
  Pattern *awaiting[16];
  OpenUtad utads[16];
} Range;

typedef struct {
  int type, bar, confirmed, confidence;
} Event;

typedef struct {
  Range *range;
  int side, confirmed, status, confidence, size, filled, exit, campaign, closing, expires;
  double entry, stop, target, r, live_stop, fill;
} Signal;

typedef struct {
  int first, side, started, spring, sos, last_stop;
} Campaign;

static long n;
static const double *o, *h, *l, *c, *v, *ratio, *spreads;
static const unsigned char *effort;
static Rules rules;
static Stream up, down;
static Side lows, highs;
static Range **ranges, *live[64];
static int nranges, nlive, stale, waiting_open;
static Pair waiting[160];
static int nwaiting;
static int *low_pivots, *high_pivots, nlow, nhigh, next_low, next_high, next_up, next_down;
static Event *events;
static Pattern **patterns;
static Signal *signals;
static Campaign *campaigns;
static int nevents, npatterns, nsignals, nrejected, ncampaigns, alive[64], nalive;
static double *atr;
static long atr_done;
static double range_sum, up_sum, down_sum, dx_sum, adx;

#define PUSH(list, count, value)                                                                                      \
  do {                                                                                                                \
    if (((count) & ((count)-1)) == 0) (list) = realloc((list), sizeof *(list) * ((count) ? 2 * (count) : 1));         \
    (list)[(count)++] = (value);                                                                                      \
  } while (0)

static int imin(int a, int b) { return a < b ? a : b; }
static int imax(int a, int b) { return a > b ? a : b; }
static int between(double value, double from, double to, double low, double high) {
  return (int)(low + ((high - low) * (value - from)) / (to - from));
}
static double mean(const double *x, int first, int last) {
  double sum = 0;
  for (int k = first; k <= last; k++) sum += x[k];
  return sum / (last - first + 1);
}
static double favourable(int dir, int i) {
  double spread = h[i] - l[i];
  return spread == 0 ? .5 : (dir == 1 ? c[i] - l[i] : h[i] - c[i]) / spread;
}
static int trend_points(const double *x, int count, int dry, int steady) {
  if (count < 2) return 0;
  int half = count >> 1;
  double earlier = 0, later = 0;
  for (int k = 0; k < half; k++) earlier += x[k];
  for (int k = half; k < count; k++) later += x[k];
  earlier /= half;
  later /= count - half;
  return later < .85 * earlier ? dry : later < 1.15 * earlier ? steady : 0;
}

/* 4.1 */
static void find_pivots(void) {
  for (long i = REACH; i < n - REACH; i++) {
    int top = 1, bottom = 1;
    for (int k = 1; top && k <= REACH; k++) top = h[i] > h[i - k] && h[i] > h[i + k];
    for (int k = 1; bottom && k <= REACH; k++) bottom = l[i] < l[i - k] && l[i] < l[i + k];
    if (top) PUSH(high_pivots, nhigh, i);
    if (bottom) PUSH(low_pivots, nlow, i);
  }
}

/* 6 */
static void tape(Stream *s, int kind, int at, int confirmed, int zone, int confidence) {
  PUSH(s->tape, s->ntape, ((StreamEvent){kind, at, confirmed, zone, confidence}));
}

static void maybe_test(Stream *s, Zone *z, int index, int bar, int t) {
  double price = s->dir == 1 ? l[bar] : h[bar], distance = fabs(price - z->extreme) / z->extreme;
  if (distance > rules.st_distance) return;
  double reduction = (z->ratio - ratio[bar]) / z->ratio;
  if (!(reduction >= .2)) return;
  if (z->ntests > 0 && bar - z->tests[z->ntests - 1].bar < 3) return;
  double penetration = s->dir * (z->extreme - price) / z->extreme, position = favourable(s->dir, bar);
  double share = (h[bar] - l[bar]) / z->spread;
  int confidence =
      imin(100, (reduction >= .6 ? 45 : reduction >= .5 ? 40 : reduction >= .4 ? 35 : reduction >= .3 ? 28 : 20) +
                    (distance <= .005 ? 27 : distance <= .01 ? 22 : distance <= .015 ? 18 : 15) +
                    (penetration <= 0 ? 18 : penetration < .005 ? 15 : penetration <= .01 ? 12 : 6) +
                    (position >= .7 ? 10 : position >= .5 ? 5 : 0) + (share < .4 ? 5 : share < .7 ? 2 : 0));
  z->tests[z->ntests++] = (Test){bar, t, confidence, ratio[bar], price};
  tape(s, TEST, bar, t, index, confidence);
}

static int zone_index(const Stream *s, const Zone *z) {
  int k = s->nzones - 1;
  while (s->zones[k] != z) k--;
  return k;
}

static void run_stream(Stream *s) {
  int dir = s->dir;
  for (long t = 0; t < n; t++) {
    if (ratio[t] >= rules.climax_volume && spreads[t] >= rules.climax_spread && dir * (c[t - 1] - c[t]) > 0 &&
        (!rules.climax_effort || effort[t] == 3)) {
      double position = favourable(dir, t), extreme = dir == 1 ? l[t] : h[t];
      if (position >= rules.climax_position) {
        int confidence = (ratio[t] >= 3 ? 40 : ratio[t] >= 2.5 ? 35 : 30) +
                         (spreads[t] >= 2 ? 30 : spreads[t] >= 1.8 ? 25 : 20) +
                         (position >= .9 ? 30 : position >= .8 ? 25 : position >= .7 ? 20 : position >= .6 ? 15 : 10);
        Zone *z = s->nwaiting ? s->waiting[s->nwaiting - 1] : NULL;
        if (z == NULL || t - z->last > 10 || t - z->first > 60) {
          z = malloc(sizeof *z);
          z->dir = dir;
          z->first = t;
          z->rally_bar = -1;
          z->ntests = 0;
          z->extreme = dir * INFINITY;
          s->waiting[s->nwaiting++] = z;
          PUSH(s->zones, s->nzones, z);
        }
        z->last = t;
        if (dir * (extreme - z->extreme) < 0) {
          z->extreme_bar = t;
          z->extreme = extreme;
          z->ratio = ratio[t];
          z->spread = h[t] - l[t];
          z->confidence = confidence;
        }
        tape(s, CLIMAX, t, t, s->nzones - 1, confidence);
      }
    }
    if (s->nwaiting && t == s->waiting[0]->last + 10) {
      Zone *z = s->waiting[0];
      memmove(s->waiting, s->waiting + 1, --s->nwaiting * sizeof z);
      const double *reached = dir == 1 ? h : l;
      int best = z->last + 1;
      for (int j = best + 1; j <= t; j++)
        if (dir * (reached[j] - reached[best]) > 0) best = j;
      double rally = dir * (reached[best] - z->extreme) / z->extreme;
      if (rally >= .03) {
        int after = best - z->last, index = zone_index(s, z);
        z->rally_bar = best;
        z->rally_price = reached[best];
        z->rally_confirmed = t;
        z->rally_confidence = imin(100, 50 + (rally >= .05 ? 30 : rally >= .04 ? 20 : 10) +
                                            (after <= 5 ? 15 : after <= 8 ? 8 : 2) + (ratio[best] >= 1.2 ? 5 : 0));
        tape(s, RALLY, best, t, index, z->rally_confidence);
        s->testing[s->ntesting++] = z;
        for (int j = best + 1; j <= t; j++) maybe_test(s, z, index, j, t);
      }
    }
    if (s->ntesting && t > s->testing[0]->rally_bar + 40)
      memmove(s->testing, s->testing + 1, --s->ntesting * sizeof(Zone *));
    for (int k = 0; k < s->ntesting; k++) {
      Zone *z = s->testing[k];
      if (t > z->rally_confirmed && t <= z->rally_bar + 40) maybe_test(s, z, zone_index(s, z), t, t);
    }
  }
}

/* 4.2 */
static void add_pivot(Side *s, int bar, double price) {
  int k = s->pivots++;
  for (; k > 0 && s->price[k - 1] > price; k--) {
    s->price[k] = s->price[k - 1];
    s->bar[k] = s->bar[k - 1];
  }
  s->price[k] = price;
  s->bar[k] = bar;
  s->oldest = imin(s->oldest, bar);
}

static void drop_before(Side *s, int bar) {
  int kept = 0;
  s->oldest = NEVER;
  for (int k = 0; k < s->pivots; k++)
    if (s->bar[k] >= bar) {
      s->price[kept] = s->price[k];
      s->bar[kept++] = s->bar[k];
      s->oldest = imin(s->oldest, s->bar[k]);
    }
  s->pivots = kept;
}

static void recluster(Side *s) {
  s->clusters = 0;
  for (int from = 0, end; from < s->pivots; from = end) {
    double sum = s->price[from], squares = 0;
    end = from + 1;
    while (end < s->pivots) {
      double m = sum / (end - from);
      if (fabs(s->price[end] - m) / m > .02) break;
      sum += s->price[end++];
    }
    if (end - from < 2) continue;
    int k = s->clusters++;
    double m = sum / (end - from);
    s->first[k] = s->last[k] = s->bar[from];
    for (int i = from; i < end; i++) {
      squares += (s->price[i] - m) * (s->price[i] - m);
      s->first[k] = imin(s->first[k], s->bar[i]);
      s->last[k] = imax(s->last[k], s->bar[i]);
    }
    s->start[k] = from;
    s->count[k] = end - from;
    s->mean[k] = m;
    s->spread[k] = sqrt(squares / (end - from - 1)) / m;
  }
}

static int take_pivots(int t) {
  int low = 0, high = 0, known = t - REACH;
  if (lows.oldest <= t - 120) drop_before(&lows, t - 119), low = 1;
  if (highs.oldest <= t - 120) drop_before(&highs, t - 119), high = 1;
  if (next_low < nlow && low_pivots[next_low] == known) add_pivot(&lows, known, l[known]), next_low++, low = 1;
  if (next_high < nhigh && high_pivots[next_high] == known) add_pivot(&highs, known, h[known]), next_high++, high = 1;
  if (low) recluster(&lows);
  if (high) recluster(&highs);
  return low || high;
}

/* 4.4 */
static int steady_quality(int s, int r, int duration) {
  int both = lows.count[s] + highs.count[r];
  double tight = (lows.spread[s] + highs.spread[r]) / 2;
  double balance = (double)imin(lows.count[s], highs.count[r]) / imax(lows.count[s], highs.count[r]);
  return (duration >= 40 ? 30 : duration >= 25 ? 20 : 15) +
         imin(30, (both >= 8 ? 30 : both >= 6 ? 25 : both >= 4 ? 15 : 0) + (balance >= .8 ? 5 : 0)) +
         (tight < .01 ? 20 : tight < .015 ? 15 : tight < .02 ? 10 : 0);
}

typedef struct {
  double mean;
  int first, last, points;
} Dry;
static Dry dry_cache[2][256];

static int drying(int side, const double *prices, double m, int first, int last) {
  Dry *slot = &dry_cache[side][(first * 7 + last * 13 + (int)(m * 64)) & 255];
  if (slot->mean == m && slot->first == first && slot->last == last) return slot->points;
  double found[128], farthest = .02 * m, step = farthest * 0x1p-52;
  while (farthest / m > .02) farthest -= step;
  while ((farthest + step) / m <= .02) farthest += step;
  int count = 0;
  for (int i = first; i <= last; i++) {
    found[count] = ratio[i];
    count += (fabs(prices[i] - m) <= farthest) & (ratio[i] == ratio[i]);
  }
  *slot = (Dry){m, first, last, trend_points(found, count, 10, 5)};
  return slot->points;
}

/* 5 */
typedef struct {
  double mean;
  int count, first, last;
  Level level;
} HeldLevel;
static HeldLevel held_levels[2][64];

static Level level_of(int ice, const Side *s, int k) {
  HeldLevel *slot = &held_levels[ice][(s->last[k] * 7 + s->first[k] + s->count[k]) & 63];
  if (slot->mean == s->mean[k] && slot->count == s->count[k] && slot->last == s->last[k]) return slot->level;
  int touched[PIVOTS], touches = 0, known = 0;
  double known_ratios[PIVOTS], weighted = 0, weights = 0, plain = 0, wicks = 0, extreme = 0, m = s->mean[k];
  for (int p = s->start[k]; p < s->start[k] + s->count[k]; p++)
    if (fabs(s->price[p] - m) / m <= .015) {
      int j = touches++;
      for (; j > 0 && touched[j - 1] > s->bar[p]; j--) touched[j] = touched[j - 1];
      touched[j] = s->bar[p];
    }
  Level level = {m, m, 0, 0, -1, -1};
  if (touches > 0) {
    for (int j = 0; j < touches; j++) {
      int i = touched[j];
      double price = ice ? l[i] : h[i], spread = h[i] - l[i];
      weighted += price * v[i];
      weights += v[i];
      plain += price;
      if (spread > 0) wicks += (ice ? c[i] - l[i] : h[i] - c[i]) / spread;
      if (ratio[i] == ratio[i]) known_ratios[known++] = ratio[i];
      if (j == 0 || (ice ? price < extreme : price > extreme)) extreme = price;
    }
    double wick = wicks / touches;
    int length = touched[touches - 1] - touched[0];
    int strength = (touches >= 5 ? 40 : touches == 4 ? 30 : touches == 3 ? 20 : 10) +
                   trend_points(known_ratios, known, 30, 15) +
                   (wick >= .7 ? 20 : wick >= .5 ? 15 : wick >= .3 ? 10 : 5) +
                   (length >= 30 ? 10 : length >= 20 ? 8 : length >= 10 ? 5 : 2);
    level = (Level){weights > 0 ? weighted / weights : plain / touches, extreme, imin(100, strength), touches,
                    touched[0], touched[touches - 1]};
  }
  *slot = (HeldLevel){m, s->count[k], s->first[k], s->last[k], level};
  return level;
}

static double cause_of(int duration) { return duration >= 40 ? 3 : duration >= 25 ? 2.5 : 2; }
static double width_of(const Range *r) { return r->p.creek.price - r->p.ice.price; }
static double jump_of(const Range *r) { return r->p.creek.price + r->cause * width_of(r); }
static double drop_of(const Range *r) { return r->p.ice.price - r->cause * width_of(r); }
static const Level *near_of(const Range *r) { return r->dir == 1 ? &r->p.creek : &r->p.ice; }
static const Level *far_of(const Range *r) { return r->dir == 1 ? &r->p.ice : &r->p.creek; }

/* 7.2 */
static int quality_points(int sum, int count) { return (3 * sum) / (10 * count); }
static int climax_scores(const Range *r) { return r->zone->confidence + r->zone->rally_confidence; }
static int test_scores(const Range *r) {
  int sum = 0;
  for (int k = 0; k < r->tests; k++) sum += r->zone->tests[k].confidence;
  return sum;
}

static int phase_confidence(const Range *r, int t) {
  const Zone *z = r->zone;
  double near = near_of(r)->price, far = far_of(r)->price;
  int dir = r->dir;
  switch (r->phase) {
  case NONE:
    return 0;
  case A: {
    int climax_near = fabs(z->extreme - far) / far <= .02 ? 5 : 0;
    int inside = dir * (near - z->rally_price) > 0, almost = dir * (near * (1 + dir * .02) - z->rally_price) > 0;
    return 40 + quality_points(climax_scores(r), 2) + 10 + (z->rally_bar - z->last <= 5 ? 10 : 5) + climax_near +
           (inside ? 5 : almost ? 3 : 0);
  }
  case B: {
    int several = r->tests >= 2, inside = 0, length = t - r->b_began;
    for (int k = 0; k < r->tests; k++) {
      double price = z->tests[k].price;
      inside += dir * (price - far * (1 - dir * .02)) >= 0 && dir * (near - price) >= 0;
    }
    return 20 + (several ? 20 : 10) + quality_points(climax_scores(r) + test_scores(r), 2 + r->tests) +
           (several ? 20 : 15) + (inside == r->tests ? 5 : (double)inside / r->tests >= .7 ? 3 : 0) +
           (length >= 10 && length <= 40 ? 5 : 0);
  }
  case C:
    return 40 + quality_points(climax_scores(r) + test_scores(r) + r->c_confidence, 3 + r->tests) + 20 + 10;
  case D: {
    int full = !r->brk.from_b && (dir == -1 || r->tested);
    return 40 + quality_points(r->brk.confidence, 1) + (full ? 20 : 15) + 10 - (r->brk.from_b ? 5 : 0);
  }
  default:
    return 40 + quality_points(r->brk.confidence + r->pullback_confidence, 2) + 30 - (r->brk.from_b ? 5 : 0);
  }
}

static void event(int type, int bar, int t, int confidence) {
  PUSH(events, nevents, ((Event){type, bar, t, confidence}));
}

static void move(Range *r, int phase, int t) {
  r->phase = phase;
  r->phase_bar = t;
  r->confidence = phase_confidence(r, t);
}

static void lapse(Range *r) {
  for (int k = 0; k < r->nawaiting; k++)
    if (r->awaiting[k]->test_bar < 0) r->awaiting[k]->status = LAPSED;
  r->nawaiting = 0;
  if (r->has_break && r->brk.pattern && r->brk.pattern->status == PENDING_LPS) r->brk.pattern->status = LAPSED;
}

static void clear_phase(Range *r) {
  r->phase = NONE;
  r->phase_bar = -1;
  r->confidence = 0;
  r->spring_open = r->nawaiting = r->nutads = r->pullback_open = 0;
}

static void end_range(Range *r, int t, int status) {
  int k = 0;
  while (live[k] != r) k++;
  memmove(live + k, live + k + 1, (--nlive - k) * sizeof r);
  stale = 1;
  r->status = status;
  r->status_bar = t;
  lapse(r);
  if (r->phase != NONE) move(r, NONE, t);
  clear_phase(r);
}

/* 9 to 12: plan, confidence, risk, life */
static void catch_up(int t) {
  for (long i = atr_done; i <= t; i++) {
    atr[i] = NAN;
    if (i == 0) continue;
    double before = c[i - 1], a = h[i] - l[i], b = fabs(h[i] - before), d = fabs(l[i] - before);
    double true_range = a > b ? (a > d ? a : d) : b > d ? b : d;
    double rise = h[i] - h[i - 1], fall = l[i - 1] - l[i], keep = i <= 14 ? 1 : 1 - 1 / 14.;
    range_sum = range_sum * keep + true_range;
    up_sum = up_sum * keep + (rise > fall && rise > 0 ? rise : 0);
    down_sum = down_sum * keep + (fall > rise && fall > 0 ? fall : 0);
    if (i < 14) continue;
    atr[i] = range_sum / 14;
    double moves = up_sum + down_sum, dx = moves == 0 ? 0 : 100 * fabs(up_sum - down_sum) / moves;
    if (i < 28) dx_sum += dx;
    if (i == 27) adx = dx_sum / 14;
    else if (i >= 28) adx = (adx * 13 + dx) / 14;
  }
  if (t + 1 > atr_done) atr_done = t + 1;
}

static double percentile(const double *x, int t) {
  int known = 0, below = 0;
  for (int i = imax(0, t - 251); i <= t; i++) {
    known += x[i] == x[i];
    below += x[i] <= x[t];
  }
  return 100. * below / known;
}

static double open_risk(const Signal *s) {
  double entry = s->filled >= 0 ? s->fill : s->entry, loss = s->side * (entry - s->live_stop);
  return (loss > 0 ? loss : 0) * s->size;
}

static int campaign_of(int first, int side) {
  for (int k = ncampaigns - 1; k >= 0 && campaigns[k].started >= first; k--)
    if (campaigns[k].first == first && campaigns[k].side == side) return k;
  return -1;
}

typedef struct {
  Pattern *p;
  int missing, remark;
  double test_ratio, level, extreme;
  Level ice, creek;
  double jump, drop, cause;
  int duration, phase, phase_confidence, short_b;
} Candidate;

static Candidate asked[16];
static int nasked;

static void reject(Pattern *p) {
  p->status = REJECTED;
  nrejected++;
}

static void judge(const Candidate *x, int t) {
  Pattern *p = x->p;
  Range *r = p->range;
  int type = p->type, side = type == UTAD ? -1 : 1;
  double width = x->creek.price - x->ice.price;
  double entry = type == SPRING ? x->level * 1.005 : type == LPS ? x->level * 1.01 : c[t];
  double penetration = (x->level - x->extreme) / x->level;
  double stop = type == SOS    ? x->level * .95
                : type == LPS  ? x->level * .97
                : type == UTAD ? x->extreme * 1.02
                               : x->extreme * (1 - (penetration < .02 ? .02 : penetration < .03 ? .015 : .01));
  double target = side == 1 ? x->jump : x->ice.price, distance = side * (entry - stop) / entry;
  if (!(entry > 0 && stop > 0 && target > 0) || distance > .1) return reject(p);
  if (distance > 0 && distance < .01) stop = entry * (1 - side * .01);
  if (!(side * (entry - stop) > 0)) return reject(p);
  double multiple = fabs(target - entry) / fabs(entry - stop), q = p->ratio;
  int volume = type == SPRING ? (q <= .4 ? 100 : q <= .5 ? 90 : q <= .6 ? 75 : 60)
               : type == SOS  ? (q >= 2 ? 100 : q >= 1.8 ? 90 : q >= 1.6 ? 75 : 60)
               : type == LPS  ? (q < .6 ? 100 : q < .9 ? 85 : 70)
                              : (q >= 2.5 ? 100 : q >= 2 ? 90 : 80);
  int overall = (5 * p->confidence + 3 * x->phase_confidence + 2 * volume) / 10;
  if (overall < 70) return reject(p);

  const double equity = 100000;
  int own = campaign_of(r->p.first, side), ofCampaign = 0, sector = 0, own_open = 0, seen[64];
  double campaign_risk = 0, heat = 0;
  for (int k = 0; k < nalive; k++) {
    Signal *s = &signals[alive[k]];
    int new = 1;
    for (int m = 0; m < sector; m++) new &= seen[m] != s->campaign;
    if (new) seen[sector++] = s->campaign;
    own_open |= s->campaign == own;
    if (s->status == PENDING) continue;
    heat += open_risk(s);
    if (s->campaign == own) ofCampaign++, campaign_risk += open_risk(s);
  }
  heat /= equity;
  campaign_risk /= equity;
  int spring = own >= 0 && campaigns[own].spring, sos = own >= 0 && campaigns[own].sos;
  double share = type == UTAD        ? 1
                 : type == SPRING    ? .4
                 : type == SOS       ? (spring ? .35 : .7)
                 : spring && sos     ? .25
                 : spring || sos     ? .6
                 : overall >= 75     ? 1
                                     : .25;
  double budget = .05 - campaign_risk > 0 ? .05 - campaign_risk : 0;
  double wanted = (type == SOS ? .008 : type == LPS ? .007 : .005) *
                  (type == SOS ? (q >= 2.5 ? 1 : q >= 2.3 ? .95 : q >= 2 ? .9 : q >= 1.7 ? .85 : .75) : 1) *
                  (x->short_b ? .75 : 1);
  double frac = fmax(0, fmin(fmin(wanted, share * .05), fmin(budget, .02))), away = fabs(entry - stop);
  double sized = floor(equity * frac / away);
  int size = sized > 0 && sized < INFINITY ? (int)sized : 0;
  double taken = size * away / equity, value = size * entry / equity;
  int warnings = 0, failed = size < 1 || ofCampaign >= 5 || (!own_open && sector >= 3);
#define LIMIT(x, most, warn) ((x) > (most) ? (failed = 1) : (x) >= (warn) ? warnings++ : 0)
  LIMIT(taken, .02, .016);
  LIMIT(campaign_risk + taken, .05, .04);
  LIMIT(heat + taken, .06, .048);
  LIMIT(heat + taken, .1, .08);
  LIMIT(value, .2, .16);

  /* 10 */
  catch_up(t);
  int phase = x->phase;
  int allowed = type == SPRING ? phase == C
                : type == SOS  ? phase == D
                : type == LPS  ? phase >= D
                               : phase >= (r->dir == 1 ? D : C);
  double move_by = fabs(target - entry), cause = type == UTAD ? width : x->cause * width;
  if ((type == SPRING && !(q < rules.spring_volume && x->test_ratio < q)) || (type == SOS && q < rules.sos_volume) ||
      (type == UTAD && !(q > rules.utad_volume)) || (type == LPS && !(q < 1)))
    return reject(p);
  if (x->phase_confidence < 70 || !allowed || x->missing) return reject(p);
  if (x->ice.strength < rules.strength_min || x->creek.strength < rules.strength_min ||
      x->ice.price >= x->creek.price || x->jump <= x->creek.price || width / x->ice.price < .03 || x->duration < 15 ||
      x->duration > 120 || fabs(x->cause - cause_of(x->duration)) > .1 || move_by > 2 * cause)
    return reject(p);
  if (!(side * (target - entry) > 0) || failed || multiple < 2) return reject(p);
  warnings += x->remark + (move_by < .8 * cause) + (multiple < 3);
  double atr_percentile = isnan(atr[t]) ? -1 : percentile(atr, t), volume_percentile = percentile(v, t);
  int trending = !isnan(adx) && adx >= 25;
  if (type == SPRING && atr_percentile >= 95 && volume_percentile >= 85) return reject(p);
  if (own >= 0 && campaigns[own].last_stop >= 0 && t + 1 - campaigns[own].last_stop <= 5) return reject(p);
  if (p->confidence < 90) {
    warnings += type == SOS && atr_percentile < 95 && !trending && !isnan(adx);
    warnings += type == UTAD && atr_percentile < 95 && trending && up_sum >= down_sum;
  }
  int score = imin(95, overall), review = warnings >= 2 || (score < 80 && warnings > 0);

  p->status = SIGNALLED;
  for (int k = 0; k < nalive; k++)
    if (signals[alive[k]].side != side) signals[alive[k]].closing = 1;
  if (own < 0) {
    own = ncampaigns;
    PUSH(campaigns, ncampaigns, ((Campaign){r->p.first, side, t, 0, 0, -1}));
  }
  campaigns[own].spring |= type == SPRING;
  campaigns[own].sos |= type == SOS;
  alive[nalive++] = nsignals;
  PUSH(signals, nsignals,
       ((Signal){r, side, t, review ? PENDING : APPROVED, score, size, -1, -1, own, 0, t + 10, entry, stop, target,
                 multiple, stop, 0}));
}

static void live_signal(Signal *s, int t) {
  int side = s->side;
  double worst = side == 1 ? l[t] : h[t], best = side == 1 ? h[t] : l[t];
#define END(what) return s->exit = t, s->status = (what), (void)0
  if (s->status == PENDING) {
    if (s->closing || t > s->expires) END(EXPIRED);
    return;
  }
  if (s->status == APPROVED) {
    if (s->closing || side * (o[t] - s->live_stop) <= 0 || side * (s->target - o[t]) <= 0) END(EXPIRED);
    s->filled = t;
    s->fill = o[t];
    s->status = FILLED;
  } else if (s->closing) END(CLOSED);
  if (side * (worst - s->live_stop) <= 0) {
    campaigns[s->campaign].last_stop = t;
    END(STOPPED);
  }
  if (side * (best - s->target) >= 0) END(TARGET_HIT);
  if (t - campaigns[s->campaign].started >= 180) s->closing = 1;
}

/* 8 */
static Pattern *new_pattern(Range *r, int type, int bar, int t, int confidence) {
  Pattern *p = malloc(sizeof *p);
  *p = (Pattern){.type = type,
                 .bar = bar,
                 .confirmed = t,
                 .confidence = confidence,
                 .phase = r->phase,
                 .phase_confidence = phase_confidence(r, t),
                 .status = CANDIDATE,
                 .test_bar = -1,
                 .best_grade = -1,
                 .ratio = ratio[bar],
                 .range = r};
  PUSH(patterns, npatterns, p);
  return p;
}

static void offer(Pattern *p, int missing, int remark, double test_ratio, double level, double extreme) {
  Range *r = p->range;
  if (p->confidence < 70) {
    p->status = LOW_CONFIDENCE;
    return;
  }
  p->status = CANDIDATE;
  asked[nasked++] = (Candidate){p,
                                missing,
                                remark,
                                test_ratio,
                                level,
                                extreme,
                                r->p.ice,
                                r->p.creek,
                                jump_of(r),
                                drop_of(r),
                                r->cause,
                                r->p.last - r->p.first + 1,
                                p->phase,
                                p->phase_confidence,
                                r->short_b && r->dir == 1 && p->type != UTAD};
}

/* Whether bars that must follow one another do not; -1 is missing. */
static int disorder(const int *bars, int count) {
  int before = -1;
  for (int k = 0; k < count; k++) {
    if (bars[k] == -1 || bars[k] < before) return 1;
    before = bars[k];
  }
  return 0;
}

static int first_test(const Range *r) { return r->tests == 0 ? -1 : r->zone->tests[0].bar; }

/* 8.1 */
static int spring_confidence(const Pattern *p, int tested) {
  double q = p->ratio, penetration = p->penetration, lower = (p->tests_ratio - q) / p->tests_ratio;
  int recovery = p->recovery, strength = p->ice_strength;
  return imin(
      100,
      (q < .3 ? 40 : q < .4 ? 30 : q < .5 ? 20 : q < .6 ? 10 : 5) +
          (penetration < .01 ? 20 : penetration < .02 ? 35 : penetration < .03 ? 25 : penetration < .04 ? 15 : 5) +
          (recovery == 1 ? 25 : recovery == 2 ? 20 : recovery == 3 ? 15 : 10) + (tested ? 20 : 0) +
          (strength >= 80 ? 10 : strength >= 70 ? 7 : 5) + (lower >= .2 ? 10 : lower >= -.2 ? 5 : 0));
}

static void spring_recovered(Range *r, int t) {
  int bar = r->spring_bar, count = 0;
  double sum = 0;
  for (int k = r->tests - 1; k >= 0 && count < 2; k--)
    if (r->zone->tests[k].bar < bar) sum += r->zone->tests[k].ratio, count++;
  Pattern score = {.ratio = ratio[bar],
                   .penetration = (r->spring_ice.price - r->spring_lowest) / r->spring_ice.price,
                   .recovery = t - bar,
                   .ice_strength = r->spring_ice.strength,
                   .tests_ratio = count == 0 ? NAN : sum / count};
  int confidence = spring_confidence(&score, 0);
  if (r->spring_short && confidence <= 85) return;
  event(EVENT_SPRING, bar, t, confidence);
  r->c_set = r->c_seen = r->stale = 1;
  r->c_bar = bar;
  r->c_confirmed = t;
  r->c_confidence = confidence;
  if (r->phase == B) {
    r->short_b = r->spring_short;
    move(r, C, t);
  }
  Pattern *p = new_pattern(r, SPRING, bar, t, confidence);
  p->ice = r->spring_ice.price;
  p->low = r->spring_lowest;
  p->penetration = score.penetration;
  p->recovery = score.recovery;
  p->ice_strength = score.ice_strength;
  p->tests_ratio = score.tests_ratio;
  p->status = AWAITING;
  r->awaiting[r->nawaiting++] = p;
}

static int long_enough(const Range *r, int t) {
  int length = t - r->b_began;
  if (length >= 10) return 1;
  if (length < 8) return 0;
  double moves = 0;
  for (int i = t - 19; i <= t; i++) moves += fabs(c[i] - c[i - 1]) / c[i];
  return moves / 20 > .03;
}

static void step_spring(Range *r, int t) {
  if (r->spring_open) {
    double ice = r->spring_ice.price;
    if (l[t] < r->spring_lowest) r->spring_lowest = l[t];
    if ((ice - r->spring_lowest) / ice > .05) r->spring_open = 0;
    else if (c[t] > ice) {
      r->spring_open = 0;
      if (r->phase == B || r->phase == C) spring_recovered(r, t);
    } else if (t - r->spring_bar >= 5) r->spring_open = 0;
    return;
  }
  double ice = r->p.ice.price;
  if ((r->phase != B && r->phase != C) || t <= r->active || !(l[t] < ice) || !(ratio[t] < rules.spring_volume)) return;
  if ((ice - l[t]) / ice > .05) return;
  int brief = r->phase == B && !long_enough(r, t);
  if (brief && r->tests < 2) return;
  r->spring_open = 1;
  r->spring_bar = t;
  r->spring_ice = r->p.ice;
  r->spring_lowest = l[t];
  r->spring_short = brief;
}

static void confirm_test(Range *r, Pattern *p, int t) {
  double decrease = (p->ratio - ratio[t]) / p->ratio, distance = (l[t] - p->low) / p->low;
  int grade = decrease >= .4 && distance <= .01 ? 2 : decrease >= .2 && distance <= .02 ? 1 : 0;
  if (p->test_bar >= 0) {
    if (grade < p->best_grade || (grade == p->best_grade && ratio[t] >= p->best_ratio)) return;
    p->best_grade = grade;
    p->best_ratio = ratio[t];
    return;
  }
  p->test_bar = t;
  p->best_grade = grade;
  p->best_ratio = ratio[t];
  p->confidence = spring_confidence(p, 1);
  if (r->c_set && r->c_bar == p->bar) {
    r->c_confidence = p->confidence;
    r->stale = 1;
  }
  r->tested = 1;
  r->tested_bar = p->bar;
  r->tested_test = t;
  p->phase_confidence = phase_confidence(r, t);
  event(EVENT_TEST, t, t, p->confidence);
  int chain[] = {r->zone->extreme_bar, r->zone->rally_bar, first_test(r), p->bar, t};
  offer(p, disorder(chain, 5), 0, ratio[t], p->ice, p->low);
}

static void step_tests(Range *r, int t) {
  for (int k = 0; k < r->nawaiting; k++) {
    Pattern *p = r->awaiting[k];
    if (t > p->bar + 15) {
      memmove(r->awaiting + k, r->awaiting + k + 1, (--r->nawaiting - k) * sizeof p);
      k--;
      if (p->test_bar < 0) p->status = LAPSED;
    } else if (r->phase == C && t >= p->bar + 3 && t > p->confirmed && l[t] >= p->low && l[t] <= p->low * 1.03 &&
               ratio[t] < p->ratio)
      confirm_test(r, p, t);
  }
}

/* 8.2, 8.3 */
static int chain_disorder(const Range *r, int lps, int *remark) {
  int bars[8] = {r->zone->extreme_bar, r->zone->rally_bar, first_test(r)}, count = 3;
  *remark = 0;
  if (r->brk.from_b) *remark = 1;
  else if (r->brk.late_c == -1) {
    bars[count++] = r->tested ? r->tested_bar : -1;
    bars[count++] = r->tested ? r->tested_test : -1;
  } else {
    if (r->brk.late_c < 85) return 1;
    bars[count++] = r->c_set ? r->c_bar : -1;
    *remark = 1;
  }
  bars[count++] = r->brk.bar;
  if (lps >= 0) bars[count++] = lps;
  int wrong = disorder(bars, count);
  return wrong;
}

static void step_breakout(Range *r, int t, int before) {
  int dir = r->dir;
  double near = near_of(r)->price;
  if (dir * (c[t] - near * (1 + dir * .01)) < 0) return;
  double q = ratio[t], s = spreads[t], position;
  if (!(q >= rules.sos_volume) || !(s >= 1.2)) return;
  position = favourable(dir, t);
  if (position < .5 || t < 25 || t <= r->active) return;
  int from_b = r->phase == B;
  if (from_b && t - r->b_began < 10) return;
  double distance = dir * (c[t] - near) / near;
  int age = t - r->p.first;
  int confidence = imin(100, (q >= 2.5   ? 35
                              : q >= 2.3 ? between(q, 2.3, 2.5, 32, 35)
                              : q >= 2   ? between(q, 2, 2.3, 25, 32)
                              : q >= 1.7 ? between(q, 1.7, 2, 18, 25)
                              : q >= 1.5 ? between(q, 1.5, 1.7, 15, 18)
                                         : 15) +
                                 (s >= 1.5 ? 20 : between(fmax(1.2, s), 1.2, 1.5, 15, 20)) +
                                 (position >= .8   ? 20
                                  : position >= .7 ? between(position, .7, .8, 15, 20)
                                                   : between(fmax(.5, position), .5, .7, 5, 15)) +
                                 (distance >= .03 ? 15 : between(fmax(.01, distance), .01, .03, 10, 15)) +
                                 (age >= 20 ? 10 : between(imax(10, age), 10, 20, 5, 10)) +
                                 (before >= 85 ? 5 : before >= 70 ? 3 : 0));
  int late = !from_b && dir == 1 && !r->tested;
  r->stale = 1;
  r->status = BREAKOUT;
  r->status_bar = t;
  r->left_up = dir == 1;
  r->pullback_open = 1;
  r->has_break = 1;
  r->brk = (Break){t, confidence, from_b, late ? before : -1, NULL};
  lapse(r);
  event(dir == 1 ? EVENT_SOS : EVENT_SOW, t, t, confidence);
  move(r, D, t);
  if (dir == -1) return;
  Pattern *p = new_pattern(r, SOS, t, t, confidence - (from_b ? 5 : 0));
  r->brk.pattern = p;
  if (confidence < rules.sos_direct_confidence || q < rules.sos_direct_volume) {
    p->status = PENDING_LPS;
    return;
  }
  int remark, wrong = chain_disorder(r, -1, &remark);
  offer(p, wrong, remark, NAN, near, l[t]);
}

static double relative_slope(const double *x, int first, int last) {
  int count = last - first + 1;
  if (count < 2) return 0;
  double middle = (count - 1) / 2., sum = 0, moment = 0;
  for (int k = 0; k < count; k++) {
    sum += x[first + k];
    moment += (k - middle) * x[first + k];
  }
  return sum == 0 ? 0 : moment / ((count * ((double)count * count - 1)) / 12) / (sum / count);
}

static void step_pullback(Range *r, int t) {
  int dir = r->dir, sos = r->brk.bar;
  double near = near_of(r)->price;
  if (t > sos + 10) {
    r->pullback_open = 0;
    lapse(r);
    return;
  }
  if (r->phase != D || t < sos + 3) return;
  const double *reached = dir == 1 ? l : h;
  int k = sos + 1;
  for (int i = k + 1; i <= t; i++)
    if (dir * (reached[i] - reached[k]) < 0) k = i;
  if (t - k < 1 || t - k > 3) return;
  double extreme = reached[k];
  if (dir * (c[t] - extreme * (1 + dir * .01)) < 0) return;
  if (extreme < near * (dir == 1 ? .98 : .97) || extreme > near * (dir == 1 ? 1.03 : 1.02)) return;
  if (!(ratio[k] < 1)) return;
  double distance = dir * (extreme - near) / near;
  double volume = v[k] / mean(v, r->p.first, r->p.last);
  double spread = (h[k] - l[k]) / (mean(h, r->p.first, r->p.last) - mean(l, r->p.first, r->p.last));
  double slope = relative_slope(v, sos + 1, k);
  int light = volume < .9, poor = !(volume <= 1.1), narrow = spread < .8, wide = !(spread <= 1.2);
  int points = (distance <= .01 ? 10 : distance <= .02 ? 5 : 0) +
               (light && narrow ? 10 : light && !wide ? 5 : poor && !narrow && wide ? -15 : 0) +
               (slope < -.05 ? 5 : slope > .05 ? -5 : 0);
  int confidence = imax(0, imin(100, imax(80, imin(100, r->brk.confidence + 15)) + points));
  r->pullback_open = 0;
  r->pullback_bar = k;
  r->pullback_confidence = confidence;
  r->stale = 1;
  event(dir == 1 ? EVENT_LPS : EVENT_LPSY, k, t, confidence);
  move(r, E, t);
  if (dir == -1) return;
  if (r->brk.pattern && r->brk.pattern->status == PENDING_LPS) r->brk.pattern->status = FOLLOWED;
  Pattern *p = new_pattern(r, LPS, k, t, imax(0, confidence - (r->brk.from_b ? 5 : 0)));
  int remark, wrong = chain_disorder(r, k, &remark);
  offer(p, wrong, remark, NAN, near, extreme);
}

/* 8.4 */
static void step_utad(Range *r, int t, int before, int confidence_before) {
  double creek = r->p.creek.price, breakout = (h[t] - creek) / creek;
  int dir = r->dir;
  if (breakout >= rules.utad_min && breakout <= rules.utad_max && ratio[t] > rules.utad_volume && t > r->active) {
    int reset = before == D && r->phase < D, phase = reset ? before : r->phase;
    if (dir == 1 ? phase >= D : phase >= C || (phase == B && t - r->b_began >= 10))
      r->utads[r->nutads++] =
          (OpenUtad){t,
                     phase,
                     reset ? confidence_before : dir == 1 ? phase_confidence(r, t) : 0,
                     reset ? r->has_last_break : r->has_break,
                     r->p.creek,
                     reset ? r->last_brk : r->brk};
  }
  if (r->nutads == 0) return;
  OpenUtad highest;
  int found = 0, left = 0;
  for (int k = 0; k < r->nutads; k++) {
    OpenUtad *open = &r->utads[k];
    if (t - open->bar > 3) continue;
    if (!(c[t] < open->creek.price)) r->utads[left++] = *open;
    else if (!found || h[open->bar] > h[highest.bar]) highest = *open, found = 1;
  }
  r->nutads = left;
  if (!found) return;
  int bar = highest.bar, wait = imax(1, t - bar);
  double top = h[bar], q = ratio[bar];
  creek = highest.creek.price;
  for (int i = bar + 1; i <= t; i++) top = fmax(top, h[i]);
  breakout = (h[bar] - creek) / creek;
  int confidence = 70 + (breakout >= .006 && breakout <= .008 ? 10 : 5) + (q >= 2 ? 15 : 10) + (wait <= 2 ? 5 : 0);
  event(EVENT_UTAD, bar, t, confidence);
  int phase = highest.phase, sure = highest.phase_confidence;
  if (dir == -1) {
    r->c_seen = 1;
    if (r->phase <= C) {
      r->c_set = r->stale = 1;
      r->c_bar = bar;
      r->c_confirmed = t;
      r->c_confidence = confidence;
    }
    if (r->phase == B) move(r, C, t);
    phase = r->phase;
    sure = phase_confidence(r, t);
  }
  Pattern *p = new_pattern(r, UTAD, bar, t, confidence);
  p->phase = phase;
  p->phase_confidence = sure;
  int full[] = {r->zone->extreme_bar, r->zone->rally_bar, first_test(r), bar};
  int brief[] = {highest.has_break ? highest.sos.bar : -1, bar};
  offer(p, dir == -1 ? disorder(full, 4) : disorder(brief, 2), 0, NAN, creek, top);
}

/* 7.4 */
static void leave(Range *r, int t, int upwards) {
  lapse(r);
  r->status = BREAKOUT;
  r->status_bar = t;
  r->left_up = upwards;
  if (r->phase != NONE) move(r, NONE, t);
  clear_phase(r);
  stale = 1;
}

static void break_down(Range *r, int t) {
  int loud = 0, failed = !(ratio[t] > 1.5);
  for (int k = 0; k < r->tests; k++) loud += r->zone->tests[k].ratio > 1.3;
  leave(r, t, r->dir == -1);
  for (int k = 0; k < nalive; k++) {
    Signal *s = &signals[alive[k]];
    if (s->range != r || s->side != r->dir) continue;
    if (!failed) s->closing = 1;
    else s->live_stop = r->dir == 1 ? l[t] * .99 : h[t] * 1.01;
  }
}

static void hear(Range *r, const Stream *s, int place, int t) {
  StreamEvent e = s->tape[place];
  if (e.at < r->own_from || (r->phase == NONE && r->status != ACTIVE)) return;
  if (e.kind == CLIMAX) {
    if (r->bias == 0) r->bias = r->dir = s->dir;
    else if (r->phase == A && s->dir == r->dir && ratio[e.at] > 3 &&
             r->dir * ((r->dir == 1 ? l[e.at] : h[e.at]) - r->zone->extreme) < 0) {
      r->own_from = e.at;
      r->zone = NULL;
      move(r, NONE, t);
    }
    return;
  }
  if (s->dir != r->dir || r->bias == 0) return;
  Zone *z = s->zones[e.zone];
  if (e.kind == RALLY) {
    if (r->zone != NULL || z->extreme_bar < r->own_from) return;
    r->zone = z;
    r->tests = 0;
    move(r, A, t);
  } else if (z == r->zone) {
    r->tests++;
    r->stale = 1;
    if (r->phase == A) {
      r->b_began = z->tests[0].confirmed;
      move(r, B, t);
    }
  }
}

static void step_range(Range *r, int t) {
  int dir = r->dir, before = r->phase, confidence_before = r->confidence;
  double near = near_of(r)->price, far = far_of(r)->price;
  r->failed = dir * (c[t] - far) < 0 ? r->failed + 1 : 0;
  r->away = dir * (c[t] - near * (1 + dir * .05)) > 0 ? r->away + 1 : 0;
  if (dir * (c[t] - far * (1 - dir * .05)) < 0) return break_down(r, t);
  if (r->phase == NONE) return;
  if (r->phase == C && r->failed >= 3) {
    lapse(r);
    r->c_set = r->tested = r->short_b = 0;
    move(r, B, t);
    stale = 1;
  } else if (r->phase == D && dir * (c[t] - near * (1 - dir * .02)) < 0) {
    int to_b = r->brk.from_b;
    lapse(r);
    r->last_brk = r->brk;
    r->has_last_break = r->has_break;
    r->has_break = r->pullback_open = 0;
    r->status = ACTIVE;
    r->status_bar = t;
    move(r, to_b ? B : C, t);
    stale = 1;
  }
  if (r->phase >= B || r->spring_open) {
    if (dir == 1) step_spring(r, t);
    else step_utad(r, t, before, confidence_before);
    if (r->nawaiting > 0) step_tests(r, t);
    if (r->phase == C || (r->phase == B && rules.sos_from_b)) step_breakout(r, t, before == C ? confidence_before : 0);
    if (r->pullback_open) step_pullback(r, t);
    if (dir == 1 && (r->phase >= D || before >= D || r->nutads > 0)) step_utad(r, t, before, confidence_before);
  }
  if ((r->phase == A || r->phase == B) && r->away >= 3) leave(r, t, dir == 1);
  if (r->stale || r->phase != before) {
    r->stale = 0;
    r->confidence = phase_confidence(r, t);
  }
}

static int first_known_from(const Stream *s, int bar) {
  int low = 0, high = s->ntape;
  while (low < high) {
    int middle = (low + high) / 2;
    if (s->tape[middle].confirmed < bar) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* 4.5 */
static void born(const Pair *p, int t) {
  Range *r = calloc(1, sizeof *r);
  r->p = *p;
  r->active = r->status_bar = t;
  r->version = 1;
  r->own_from = p->first - 10;
  r->dir = r->left_up = 1;
  r->phase_bar = r->b_began = r->pullback_bar = -1;
  r->cause = cause_of(p->last - p->first + 1);
  PUSH(ranges, nranges, r);
  live[nlive++] = r;
  int u = first_known_from(&up, r->own_from), d = first_known_from(&down, r->own_from);
  for (;;) {
    int a = u < up.ntape ? up.tape[u].confirmed : NEVER, b = d < down.ntape ? down.tape[d].confirmed : NEVER;
    if (imin(a, b) >= t) return;
    if (a <= b) hear(r, &up, u++, t);
    else hear(r, &down, d++, t);
  }
}

static int frozen(const Range *r) { return r->phase >= C; }
static int same_levels(double ice, double creek, const Pair *p) {
  return fabs(ice - p->ice_mean) / p->ice_mean <= .02 && fabs(creek - p->creek_mean) / p->creek_mean <= .02;
}
static int by_rank(const Pair *a, const Pair *b) {
  if (a->quality != b->quality) return b->quality - a->quality;
  return a->last != b->last ? b->last - a->last : a->first - b->first;
}
static int overlap(const Pair *a, const Pair *b) {
  return a->first <= b->last && b->first <= a->last && a->ice.price <= b->creek.price && b->ice.price <= a->creek.price;
}
static int is_near(const Pair *p, double close) {
  return close >= p->ice.price * .98 && close <= p->creek.price * 1.02;
}
static int strong(const Level *ice, const Level *creek) {
  return ice->strength >= rules.strength_min && creek->strength >= rules.strength_min && ice->price < creek->price;
}

static void look(int t) {
  Pair best[64];
  nwaiting = 0;
  for (int k = 0; k < nlive; k++) best[k].quality = -1;
  int count = nlive;
  for (int s = 0; s < lows.clusters; s++)
    for (int r = 0; r < highs.clusters; r++) {
      double low = lows.mean[s], high = highs.mean[r];
      if (!(high > low) || (high - low) / low < .03) continue;
      int first = imin(lows.first[s], highs.first[r]), last = imax(lows.last[s], highs.last[r]);
      int duration = last - first + 1, owner = -1;
      if (duration < 15 || duration > 120) continue;
      for (int k = 0; k < nlive && owner < 0; k++)
        if (same_levels(low, high, &live[k]->p)) owner = k;
      if (owner >= 0 && (frozen(live[owner]) || live[owner]->status != ACTIVE)) continue;
      int quality = steady_quality(s, r, duration);
      if (owner < 0 && quality + 20 < 70) continue;
      quality += drying(0, l, low, first, last);
      if (owner < 0 && quality + 10 < 70) continue;
      quality += drying(1, h, high, first, last);
      Pair p = {first, last, quality, low, high};
      if (owner < 0) {
        if (quality < 70) continue;
        p.ice = level_of(1, &lows, s);
        p.creek = level_of(0, &highs, r);
        if (strong(&p.ice, &p.creek)) waiting[nwaiting++] = p;
      } else if (best[owner].quality == -1 || by_rank(&p, &best[owner]) < 0) {
        best[owner] = p;
        best[owner].beaten = s * PIVOTS + r;
      }
    }
  for (int k = 0, ended = 0; k < count; k++) {
    if (best[k].quality == -1) continue;
    Range *r = live[k - ended];
    Pair *p = &best[k];
    if (p->quality >= 70) {
      p->ice = level_of(1, &lows, p->beaten / PIVOTS);
      p->creek = level_of(0, &highs, p->beaten % PIVOTS);
    }
    if (p->quality < 70 || !strong(&p->ice, &p->creek)) {
      end_range(r, t, ARCHIVED);
      ended++;
      continue;
    }
    r->p.ice_mean = p->ice_mean;
    r->p.creek_mean = p->creek_mean;
    if (r->p.last == p->last && r->p.quality == p->quality && r->p.ice.price == p->ice.price &&
        r->p.creek.price == p->creek.price && r->p.ice.strength == p->ice.strength &&
        r->p.creek.strength == p->creek.strength)
      continue;
    p->first = r->p.first;
    r->p = *p;
    r->cause = cause_of(p->last - p->first + 1);
    r->version++;
    r->stale = 1;
  }
}

static int settled(double close, int looked) {
  if (looked)
    for (int a = 1; a < nlive; a++)
      for (int b = 0; b < a; b++)
        if (overlap(&live[a]->p, &live[b]->p)) return 0;
  int calm = 1;
  waiting_open = 0;
  for (int k = 0; k < nwaiting; k++) {
    Pair *p = &waiting[k];
    if (p->beaten && !looked) continue;
    p->beaten = 0;
    for (int m = 0; m < nlive && !p->beaten; m++)
      p->beaten = same_levels(p->ice_mean, p->creek_mean, &live[m]->p) ||
                  (overlap(&live[m]->p, p) && (frozen(live[m]) || by_rank(&live[m]->p, p) <= 0));
    if (p->beaten) continue;
    waiting_open = 1;
    if (is_near(p, close)) calm = 0;
  }
  return calm;
}

typedef struct {
  Pair *pair;
  Range *range;
} Rival;

static void resolve(int t, int looked) {
  if (settled(c[t], looked)) return;
  waiting_open = 1;
  Rival survivors[224], rivals[224];
  int kept = 0, ranked = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int k = 0; k < (pass ? nwaiting : nlive); k++) {
      Rival one = {pass ? &waiting[k] : &live[k]->p, pass ? NULL : live[k]};
      if (one.range && frozen(one.range)) {
        survivors[kept++] = one;
        continue;
      }
      int ready = pass == 0 || is_near(one.pair, c[t]);
      for (int m = 0; pass && ready && m < nlive; m++)
        ready = !same_levels(one.pair->ice_mean, one.pair->creek_mean, &live[m]->p);
      if (!ready) continue;
      int at = ranked++;
      for (; at > 0 && by_rank(rivals[at - 1].pair, one.pair) > 0; at--) rivals[at] = rivals[at - 1];
      rivals[at] = one;
    }
  int from = kept;
  for (int k = 0; k < ranked; k++) {
    int clash = 0;
    for (int m = 0; m < kept && !clash; m++) clash = overlap(survivors[m].pair, rivals[k].pair);
    if (!clash) survivors[kept++] = rivals[k];
    else if (rivals[k].range) end_range(rivals[k].range, t, ARCHIVED);
  }
  for (int k = from; k < kept; k++)
    if (!survivors[k].range) born(survivors[k].pair, t);
}

static void step_book(int t) {
  for (int k = nlive - 1; k >= 0; k--) {
    Range *r = live[k];
    if (r->status == ACTIVE) {
      if (t - r->p.first >= 120) end_range(r, t, ARCHIVED);
    } else if (r->left_up ? h[t] >= jump_of(r) : drop_of(r) > 0 && l[t] <= drop_of(r)) end_range(r, t, COMPLETED);
    else if (t - r->status_bar >= 120) end_range(r, t, COMPLETED);
  }
  if (take_pivots(t) || stale) {
    stale = 0;
    look(t);
    waiting_open = 0;
    if (nwaiting > 0 || nlive > 1) resolve(t, 1);
  } else if (waiting_open) resolve(t, 0);
}

static void hand_out(const Stream *s, int *next, int t) {
  for (; *next < s->ntape && s->tape[*next].confirmed <= t; (*next)++)
    for (int k = 0; k < nlive; k++) hear(live[k], s, *next, t);
}

void signals_run(long bars, const double *const columns[7], const unsigned char *efforts, int preset) {
  n = bars;
  o = columns[0], h = columns[1], l = columns[2], c = columns[3], v = columns[4];
  ratio = columns[5], spreads = columns[6];
  effort = efforts;
  rules = preset ? strict : standard;
  up.dir = 1;
  down.dir = -1;
  lows.oldest = highs.oldest = NEVER;
  adx = NAN;
  atr = malloc(n * sizeof *atr);
  find_pivots();
  run_stream(&up);
  run_stream(&down);
  for (int t = 0; t < n; t++) {
    int left = 0;
    for (int k = 0; k < nalive; k++) {
      live_signal(&signals[alive[k]], t);
      if (signals[alive[k]].exit < 0) alive[left++] = alive[k];
    }
    nalive = left;
    step_book(t);
    hand_out(&up, &next_up, t);
    hand_out(&down, &next_down, t);
    for (int k = 0; k < nlive; k++)
      if (live[k]->status == ACTIVE || live[k]->phase != NONE) step_range(live[k], t);
    for (int k = 0; k < nasked; k++) judge(&asked[k], t);
    nasked = 0;
  }
}

/* Two numbers that all results go into: prices and sizes, and decisions, which are whole and may come in any order. */
SignalsDigest signals_digest(void) {
  SignalsDigest d = {0, 0};
  for (int k = 0; k < nranges; k++) {
    const Range *r = ranges[k];
    d.prices += r->p.ice.price + r->p.creek.price;
    d.decisions += (double)(r->p.first % 1000 + 1) * (r->active % 997 + 1) * (r->p.quality + 1) * (r->version + 1) +
                   r->p.last + 3. * r->status + 7. * r->status_bar + 11. * (r->bias + 1);
  }
  for (int k = 0; k < nsignals; k++) {
    const Signal *s = &signals[k];
    d.prices += s->entry + s->stop + s->target + s->r;
    d.decisions += (double)(s->confirmed % 1000 + 1) * (s->size + 1) * (s->confidence + 1) + 13. * s->status + s->exit;
  }
  for (int k = 0; k < nevents; k++) {
    Event e = events[k];
    d.decisions += (double)(e.bar % 1000 + 1) * (e.confirmed % 997 + 1) * (e.confidence + 1) * (e.type + 1);
  }
  for (int side = 0; side < 2; side++) {
    const Stream *s = side ? &down : &up;
    for (int k = 0; k < s->ntape; k++) {
      StreamEvent e = s->tape[k];
      d.decisions += (double)(e.at % 1000 + 1) * (e.confirmed % 997 + 1) * (e.confidence + 1) * (e.kind + 3 * side + 1);
    }
  }
  for (int k = 0; k < npatterns; k++) {
    const Pattern *p = patterns[k];
    d.decisions += (double)(p->bar % 1000 + 1) * (p->confirmed % 997 + 1) * (p->confidence + 1) * (p->type + 1) +
                   (double)(p->phase_confidence + 1) * (p->phase + 1) * (p->status + 1);
  }
  d.decisions += nrejected + 5. * nhigh + 7. * nlow;
  return d;
}

void signals_free(void) {
  for (int k = 0; k < nranges; k++) free(ranges[k]);
  for (int k = 0; k < npatterns; k++) free(patterns[k]);
  for (int side = 0; side < 2; side++) {
    Stream *s = side ? &down : &up;
    for (int k = 0; k < s->nzones; k++) free(s->zones[k]);
    free(s->zones);
    free(s->tape);
    memset(s, 0, sizeof *s);
  }
  void *all[] = {ranges, patterns, signals, campaigns, events, low_pivots, high_pivots, atr};
  for (int k = 0; k < 8; k++) free(all[k]);
  ranges = NULL, patterns = NULL, signals = NULL, campaigns = NULL, events = NULL;
  low_pivots = high_pivots = NULL, atr = NULL;
  nranges = nlive = stale = waiting_open = nwaiting = nlow = nhigh = next_low = next_high = next_up = next_down = 0;
  nevents = npatterns = nsignals = nrejected = ncampaigns = nalive = nasked = 0;
  atr_done = 0;
  range_sum = up_sum = down_sum = dx_sum = 0;
  memset(&lows, 0, sizeof lows);
  memset(&highs, 0, sizeof highs);
  memset(dry_cache, 0, sizeof dry_cache);
  memset(held_levels, 0, sizeof held_levels);
}
