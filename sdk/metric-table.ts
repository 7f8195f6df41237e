// Generated from registry/*.yaml by registry/generate.ts; change those.

/** What a label may hold. A value outside the listed ones is taken too: other engines have other patterns. */
export interface LabelValues {
  /** The traded symbol. At most 500 values per process, then `__overflow__`. */
  symbol: string
  /** Length of a bar. */
  timeframe: string
  /** The kind of pattern. */
  pattern_type: 'SPRING' | 'SOS' | 'LPS' | 'UTAD' | 'all' | (string & {})
  /** How a backtest ended. */
  status: 'completed' | 'failed' | 'cancelled' | (string & {})
  /** The kind of database statement. */
  query_type: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'COPY' | (string & {})
  /** HTTP method; `_OTHER` for one that HTTP does not know. */
  method: string
  /** Route template, `unmatched` when there is none. */
  endpoint: string
  /** HTTP status code of the answer. */
  status_code: string
  /** Why a bar was processed. */
  mode: 'live' | 'backtest' | 'replay' | (string & {})
  /** The stage of validation that said no. */
  rejection_stage: 'PRECHECK' | 'VOLUME' | 'PHASE' | 'LEVELS' | 'RISK' | 'STRATEGY' | (string & {})
  /** Name of a database connection pool. */
  pool: string
  /** State of the connections of a pool. */
  state: 'idle' | 'used' | 'waiting' | (string & {})
  /** State of the jobs of a queue. */
  job_state: 'waiting' | 'deferred' | 'running' | 'failed' | (string & {})
  /** Why something was dropped or refused. */
  reason: string
}

/** Every metric with its kind, unit (UCUM), labels in order, and the upper bounds of a histogram's buckets. */
export const metricTable = {
  signal_generation_requests_total: {
    kind: 'counter',
    unit: '{request}',
    description: 'Signal generation runs asked for.',
    labels: ['symbol', 'pattern_type'],
  },
  signal_generation_latency_seconds: {
    kind: 'histogram',
    unit: 's',
    description: 'Time of one signal generation run over a whole series.',
    labels: ['symbol', 'pattern_type'],
    boundaries: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 0.8, 1, 2, 5],
    exemplars: true,
  },
  backtest_executions_total: {
    kind: 'counter',
    unit: '{run}',
    description: 'Backtests that ended, by outcome.',
    labels: ['symbol', 'status'],
  },
  backtest_duration_seconds: {
    kind: 'histogram',
    unit: 's',
    description: 'Time of one backtest run.',
    labels: ['symbol'],
    boundaries: [
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 120,
    ],
    exemplars: true,
  },
  signals_active: {
    kind: 'gauge',
    unit: '{signal}',
    description: 'Stored signals that are PENDING, APPROVED or FILLED.',
    labels: ['pattern_type'],
  },
  database_query_duration_seconds: {
    kind: 'histogram',
    unit: 's',
    description: 'Time of one database statement, waiting for a connection included.',
    labels: ['query_type'],
    boundaries: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1],
  },
  pattern_detections_total: {
    kind: 'counter',
    unit: '{pattern}',
    description: 'Patterns confirmed by a bar; reading the same bars again does not count again.',
    labels: ['pattern_type', 'symbol'],
  },
  api_requests_total: {
    kind: 'counter',
    unit: '{request}',
    description: 'HTTP requests answered.',
    labels: ['method', 'endpoint', 'status_code'],
  },
  api_request_duration_seconds: {
    kind: 'histogram',
    unit: 's',
    description: 'Time from request to answer.',
    labels: ['method', 'endpoint'],
    boundaries: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 2, 5],
    exemplars: true,
  },
  bars_processed_total: {
    kind: 'counter',
    unit: '{bar}',
    description: 'Bars analysed; those of a backtest are added when it ends.',
    labels: ['mode', 'timeframe'],
  },
  signals_generated_total: {
    kind: 'counter',
    unit: '{signal}',
    description: 'Signals that passed every stage of validation.',
    labels: ['pattern_type', 'symbol'],
  },
  signals_rejected_total: {
    kind: 'counter',
    unit: '{signal}',
    description: 'Candidates that a stage of validation rejected.',
    labels: ['pattern_type', 'rejection_stage'],
  },
  pattern_detection_latency_seconds: {
    kind: 'histogram',
    unit: 's',
    description: 'Detection time of one bar, from the bars that were timed alone.',
    labels: ['symbol'],
    boundaries: [
      1e-7, 2.5e-7, 5e-7, 0.000001, 0.0000025, 0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005,
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1,
    ],
  },
  signal_validation_latency_seconds: {
    kind: 'histogram',
    unit: 's',
    description: 'Validation time of one candidate.',
    labels: ['pattern_type'],
    boundaries: [
      1e-7, 2.5e-7, 5e-7, 0.000001, 0.0000025, 0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005,
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2,
    ],
  },
  stale_symbols: {
    kind: 'gauge',
    unit: '{symbol}',
    description: 'Symbols whose newest bar is older than two timeframes.',
    labels: [],
  },
  symbol_data_age_seconds: {
    kind: 'gauge',
    unit: 's',
    description: 'Age of the newest bar; the largest of all that share the overflow series.',
    labels: ['symbol'],
  },
  symbols_active: {
    kind: 'gauge',
    unit: '{symbol}',
    description: 'Symbols that have stored bars.',
    labels: [],
  },
  signals_pending: {
    kind: 'gauge',
    unit: '{signal}',
    description: 'Stored signals that wait for a decision.',
    labels: [],
  },
  database_pool_connections: {
    kind: 'gauge',
    unit: '{connection}',
    description: 'Connections of each pool, and the requests that wait for one.',
    labels: ['pool', 'state'],
  },
  tapescope_spans_created_total: {
    kind: 'counter',
    unit: '{span}',
    description: 'Sampled spans that ended in this process.',
    labels: [],
  },
  tapescope_spans_delivered_total: {
    kind: 'counter',
    unit: '{span}',
    description: 'Spans that the backend acknowledged.',
    labels: [],
  },
  tapescope_spans_dropped_total: {
    kind: 'counter',
    unit: '{span}',
    description: 'Spans that were given up, and why.',
    labels: ['reason'],
  },
  tapescope_log_records_created_total: {
    kind: 'counter',
    unit: '{record}',
    description: 'Log records that were to be exported.',
    labels: [],
  },
  tapescope_log_records_delivered_total: {
    kind: 'counter',
    unit: '{record}',
    description: 'Log records that the backend acknowledged.',
    labels: [],
  },
  tapescope_log_records_dropped_total: {
    kind: 'counter',
    unit: '{record}',
    description: 'Log records that were given up, and why.',
    labels: ['reason'],
  },
  tapescope_metric_exports_failed_total: {
    kind: 'counter',
    unit: '{export}',
    description: 'Exports of metrics over OTLP that failed; the next one carries the same totals.',
    labels: ['reason'],
  },
  tapescope_misuse_total: {
    kind: 'counter',
    unit: '{call}',
    description: 'Calls that were refused without harm, and why.',
    labels: ['reason'],
  },
  tapescope_overhead_seconds_total: {
    kind: 'counter',
    unit: 's',
    description: 'Time that observation itself cost the observed runs, measured.',
    labels: [],
  },
  tapescope_observed_seconds_total: {
    kind: 'counter',
    unit: 's',
    description: 'Time of the observed runs, their observation included.',
    labels: [],
  },
  process_cpu_seconds_total: {
    kind: 'counter',
    unit: 's',
    description: 'User and system CPU time of the process.',
    labels: [],
  },
  process_resident_memory_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'Resident memory of the process.',
    labels: [],
  },
  process_start_time_seconds: {
    kind: 'gauge',
    unit: 's',
    description: 'Start of the process in seconds since the Unix epoch.',
    labels: [],
  },
  nodejs_heap_used_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'V8 heap in use.',
    labels: [],
  },
  nodejs_eventloop_utilization: {
    kind: 'gauge',
    unit: '1',
    description: 'Share of time the event loop was busy since the reading before, 0 to 1.',
    labels: [],
  },
  job_queue_depth: {
    kind: 'gauge',
    unit: '{job}',
    description:
      'Jobs in the queue by state, as the database has them; every process tells the same, so take the maximum.',
    labels: ['job_state'],
  },
  job_wait_seconds: {
    kind: 'histogram',
    unit: 's',
    description: 'Time from when a job could have run to when a worker took it.',
    labels: [],
    boundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
    exemplars: true,
  },
  job_retries_total: {
    kind: 'counter',
    unit: '{job}',
    description: 'Attempts at a job after the first, because the one before failed or its worker died.',
    labels: [],
  },
} as const
