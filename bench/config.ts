/** Every constant of the runner and the gate. The runner takes its rounds, warm-up and limit from here. */
export const config = {
  /** The requirements of the domain: full pipeline per symbol per bar, and backtest speed. */
  nfr1Seconds: 1.0,
  nfr7BarsPerSecond: 100,

  warmupRounds: 3,
  measuredRounds: 10,
  limitSeconds: 60,
  /** A round repeats the case until this much time has gone by; a longer case makes one iteration a round. */
  roundMs: 100,
  /** Three of them are what the backtest of 10,000 bars takes until its code is compiled. */
  warmupRoundMs: 100,
  concurrentSymbols: 100,
  dataSizes: [100, 1_000, 10_000],
  unseenSizes: [10_000, 100_000, 1_000_000],
  seed: 20_260_101,

  /** Less is measured, but code is as warm: one round of 20 ms left the compiler to be timed: 610 ns per bar, not 109 to 128. */
  quick: { measuredRounds: 3, roundMs: 20 },

  /** Ceilings in ms. They are far above what is expected; the gate is what guards speed. */
  ceilingsMs: {
    volumeAnalysis: 50,
    springDetection: 200,
    sosLpsDetection: 150,
    utadDetection: 150,
    allDetection: 500,
    validation: 200,
    databaseWork: 150,
    notification: 100,
    orderSimulation: 10,
    positionTracking: 5,
    metricsOf100Trades: 50,
    backtestTotal: 5_000,
    walkForward: 30_000,
  },
  queryCeilingsMs: { bars: 50, pattern: 30, signal: 40, audit: 100 },

  environment: { minFreeMemoryGb: 4, maxLoadPerCore: 0.5 },

  gate: {
    /** Shorter rounds than a run's: the process is the sampling unit, so many short processes beat a long one. */
    warmupRounds: 3,
    measuredRounds: 10,
    roundMs: 5,
    warmupRoundMs: 5,
    /** Looks and confirmation as simulated in docs/decisions/0040-gate-confirmation.md. */
    looks: [20, 40, 60, 120],
    /** Fresh rounds after which a failure is judged on them alone; the last one ends the confirmation. */
    confirmationRounds: [20, 40, 60],
    confidence: 0.95,
    /** Changes of the median ratio, as fractions: 0.1 is 10 % slower. */
    fail: { lowerAbove: 0.02, estimateAbove: 0.075 },
    pass: { upperBelow: 0.1, estimateBelow: 0.05 },
    improved: { upperBelow: -0.02, estimateBelow: -0.05 },
    /** p95 only warns: above this estimate, with its interval clear of the failing bound. */
    warnP95Above: 0.1,
    processTimeoutSeconds: 120,
  },
} as const
