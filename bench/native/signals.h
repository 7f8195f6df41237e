/* The signal pipeline of signals.c: run once over analysed bars, ask for its digest, free. */
#ifndef TAPESCOPE_SIGNALS_H
#define TAPESCOPE_SIGNALS_H

/* Positions in the engine's list of event types; the bar stream's own six come first. */
enum {
  EVENT_SPRING = 6,
  EVENT_TEST,
  EVENT_SOS,
  EVENT_LPS,
  EVENT_UTAD,
  EVENT_SOW,
  EVENT_LPSY
};

typedef struct {
  double prices, decisions;
} SignalsDigest;

/* Columns: open, high, low, close, volume, volume ratio, spread ratio. Preset 0 is standard, 1 strict. */
void signals_run(long bars, const double *const columns[7], const unsigned char *efforts, int preset);
SignalsDigest signals_digest(void);
void signals_free(void);

#endif
