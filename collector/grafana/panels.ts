/** One query of a panel: PromQL and what its series are called in the legend. */
export interface Query {
  readonly expr: string
  readonly legend: string
  /** Ask Prometheus for exemplars too: dots that open the trace. Only histograms have them. */
  readonly exemplar?: boolean
}

export interface Panel {
  readonly title: string
  /** Grafana's name of the unit: s, reqps, percentunit, short, bytes, ... */
  readonly unit: string
  /** What it shows, and what to do when it looks wrong. */
  readonly description: string
  readonly queries: readonly Query[]
  readonly stacked?: boolean
  /** Draws a line at this value: an alert's threshold. */
  readonly threshold?: number
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly panels: readonly Panel[]
}

const quantiles = (metric: string, by = ''): Query[] =>
  [0.5, 0.95, 0.99].map((q) => ({
    expr: `histogram_quantile(${q}, sum by (le${by && `, ${by}`}) (rate(${metric}_bucket[5m])))`,
    legend: `p${q * 100}${by && ` {{${by}}}`}`,
    exemplar: true,
  }))

/** The six panels of the requirements, in their order. */
const overview: Dashboard = {
  uid: 'tapescope-overview',
  title: 'Tapescope: overview',
  description: 'Signals, backtests, database and errors at a glance.',
  panels: [
    {
      title: 'Signal latency p50/p95/p99',
      unit: 's',
      description: 'Time of one signal generation request. NFR1 allows 1 s. A dot opens the trace behind it.',
      queries: quantiles('signal_generation_latency_seconds'),
      threshold: 1,
    },
    {
      title: 'Backtest duration p95',
      unit: 's',
      description: 'Time of one backtest run. A dot opens its trace.',
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le) (rate(backtest_duration_seconds_bucket[5m])))',
          legend: 'p95',
          exemplar: true,
        },
      ],
    },
    {
      title: 'Database time by type, mean',
      unit: 's',
      description: 'Mean time of a query by kind of statement, stacked.',
      stacked: true,
      queries: [
        {
          expr: 'sum by (query_type) (rate(database_query_duration_seconds_sum[5m])) / sum by (query_type) (rate(database_query_duration_seconds_count[5m]))',
          legend: '{{query_type}}',
        },
      ],
    },
    {
      title: 'Detections per minute by pattern',
      unit: 'short',
      description: 'Patterns confirmed per minute, whether they became signals or were rejected.',
      queries: [
        {
          expr: '60 * sum by (pattern_type) (rate(pattern_detections_total[5m]))',
          legend: '{{pattern_type}}',
        },
      ],
    },
    {
      title: 'Active signals',
      unit: 'short',
      description: 'Signals that are pending, approved or filled.',
      queries: [{ expr: 'sum by (pattern_type) (signals_active)', legend: '{{pattern_type}}' }],
    },
    {
      title: 'Error rate',
      unit: 'percentunit',
      description: 'Share of requests that ended in a 5xx. Above 1 % warns, above 5 % is critical.',
      queries: [
        {
          expr: 'sum(rate(api_requests_total{status_code=~"5.."}[5m])) / sum(rate(api_requests_total[5m]))',
          legend: '5xx',
        },
      ],
      threshold: 0.01,
    },
  ],
}

const service: Dashboard = {
  uid: 'tapescope-service',
  title: 'Tapescope: service and database',
  description: 'Requests by route, the database behind them, and what the pipeline decided.',
  panels: [
    {
      title: 'Requests by route',
      unit: 'reqps',
      description: 'Requests per second by route template; `unmatched` is a path no route has.',
      stacked: true,
      queries: [{ expr: 'sum by (endpoint) (rate(api_requests_total[5m]))', legend: '{{endpoint}}' }],
    },
    {
      title: 'Request duration p95 by route',
      unit: 's',
      description: 'A dot opens the trace of the request.',
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le, endpoint) (rate(api_request_duration_seconds_bucket[5m])))',
          legend: '{{endpoint}}',
          exemplar: true,
        },
      ],
    },
    {
      title: 'Requests by status',
      unit: 'reqps',
      description: '4xx are callers, 5xx are us.',
      stacked: true,
      queries: [{ expr: 'sum by (status_code) (rate(api_requests_total[5m]))', legend: '{{status_code}}' }],
    },
    {
      title: 'Query duration p95 by type',
      unit: 's',
      description: 'Above 0.2 s for five minutes alerts.',
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le, query_type) (rate(database_query_duration_seconds_bucket[5m])))',
          legend: '{{query_type}}',
        },
      ],
      threshold: 0.2,
    },
    {
      title: 'Candidates: accepted and rejected by stage',
      unit: 'short',
      description: 'Per minute. A stage that rejects nearly everything is a threshold to look at.',
      stacked: true,
      queries: [
        { expr: '60 * sum(rate(signals_generated_total[5m]))', legend: 'accepted' },
        {
          expr: '60 * sum by (rejection_stage) (rate(signals_rejected_total[5m]))',
          legend: '{{rejection_stage}}',
        },
      ],
    },
    {
      title: 'Bars analysed per second by mode',
      unit: 'short',
      description: 'Live bars, backtest bars (added when a run ends) and replayed bars.',
      queries: [{ expr: 'sum by (mode) (rate(bars_processed_total[5m]))', legend: '{{mode}}' }],
    },
    {
      title: 'Age of the newest bar',
      unit: 's',
      description: 'The ten symbols that are furthest behind.',
      queries: [{ expr: 'topk(10, max by (symbol) (symbol_data_age_seconds))', legend: '{{symbol}}' }],
    },
    {
      title: 'Symbols: active and stale; signals pending',
      unit: 'short',
      description: 'Stale means older than two timeframes.',
      queries: [
        { expr: 'max(symbols_active)', legend: 'active' },
        { expr: 'max(stale_symbols)', legend: 'stale' },
        { expr: 'max(signals_pending)', legend: 'pending signals' },
      ],
    },
    {
      title: 'Jobs: queue by state',
      unit: 'short',
      description: 'Backtests that wait, run, wait for their next attempt, or have none left.',
      queries: [{ expr: 'max by (job_state) (job_queue_depth)', legend: '{{job_state}}' }],
    },
    {
      title: 'Jobs: wait p95 and retries',
      unit: 'short',
      description: 'Seconds until a worker takes a job, and attempts after the first in five minutes.',
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le) (rate(job_wait_seconds_bucket[5m])))',
          legend: 'wait p95, s',
        },
        { expr: 'sum(increase(job_retries_total[5m]))', legend: 'retries' },
      ],
    },
  ],
}

const objectives: Dashboard = {
  uid: 'tapescope-objectives',
  title: 'Tapescope: objectives (NFR1, NFR7)',
  description:
    'Is the full pipeline within 1 s per symbol and bar, and do backtests process 100 bars per second?',
  panels: [
    {
      title: 'NFR1: share of generations within 1 s',
      unit: 'percentunit',
      description: 'Counted by the bucket at 1 s, without interpolation.',
      queries: [
        {
          expr: 'sum(rate(signal_generation_latency_seconds_bucket{le=~"1|1.0"}[5m])) / sum(rate(signal_generation_latency_seconds_count[5m]))',
          legend: 'within 1 s',
        },
      ],
    },
    {
      title: 'NFR1: error budget used, 99 % over one hour',
      unit: 'percentunit',
      description:
        '1 means that the hour has used its whole budget of one generation in a hundred above 1 s.',
      queries: [
        {
          expr: '(1 - sum(rate(signal_generation_latency_seconds_bucket{le=~"1|1.0"}[1h])) / sum(rate(signal_generation_latency_seconds_count[1h]))) / 0.01',
          legend: 'budget used',
        },
      ],
      threshold: 1,
    },
    {
      title: 'NFR7: backtest speed, bars per second',
      unit: 'short',
      description: 'Bars of the runs that ended over the time they took. Below 100 alerts.',
      queries: [
        {
          expr: 'sum(rate(bars_processed_total{mode="backtest"}[15m])) / (sum(rate(backtest_duration_seconds_sum[15m])) > 0)',
          legend: 'bars per second',
        },
      ],
      threshold: 100,
    },
    {
      title: 'Per bar: detection p50/p95/p99',
      unit: 's',
      description: 'Time of the timed bars inside the pipeline.',
      queries: quantiles('pattern_detection_latency_seconds'),
    },
    {
      title: 'Per candidate: validation p50/p95/p99',
      unit: 's',
      description: 'Time of the validation chain.',
      queries: quantiles('signal_validation_latency_seconds'),
    },
  ],
}

const collector: Dashboard = {
  uid: 'tapescope-collector',
  title: 'Tapescope: telemetry pipeline',
  description: 'The OpenTelemetry Collector: does everything received arrive?',
  panels: [
    {
      title: 'Spans: accepted, refused',
      unit: 'short',
      description: 'Per second at the receiver. Refused means memory_limiter pushed back; senders retry.',
      queries: [
        { expr: 'sum(rate(otelcol_receiver_accepted_spans_total[5m]))', legend: 'accepted' },
        { expr: 'sum(rate(otelcol_receiver_refused_spans_total[5m]))', legend: 'refused' },
      ],
    },
    {
      title: 'Spans sent and failed by destination',
      unit: 'short',
      description: 'Per second. A destination that fails keeps its queue; the others go on.',
      queries: [
        {
          expr: 'sum by (exporter) (rate(otelcol_exporter_sent_spans_total[5m]))',
          legend: 'sent {{exporter}}',
        },
        {
          expr: 'sum by (exporter) (rate(otelcol_exporter_send_failed_spans_total[5m]))',
          legend: 'failed {{exporter}}',
        },
      ],
    },
    {
      title: 'Queue by destination',
      unit: 'percentunit',
      description: 'Filled share of the persistent queue. At 1 the newest batches are refused.',
      queries: [
        {
          expr: 'max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)',
          legend: '{{exporter}}',
        },
      ],
      threshold: 0.8,
    },
    {
      title: 'Memory and CPU',
      unit: 'bytes',
      description: 'Resident memory of each Collector.',
      queries: [{ expr: 'otelcol_process_memory_rss_bytes', legend: '{{instance}}' }],
    },
    {
      title: 'Span durations p95 by name',
      unit: 's',
      description: 'From span_metrics, computed before sampling. A dot opens a trace.',
      queries: [
        {
          expr: 'topk(10, histogram_quantile(0.95, sum by (le, span_name) (rate(traces_span_metrics_duration_seconds_bucket[5m]))))',
          legend: '{{span_name}}',
          exemplar: true,
        },
      ],
    },
  ],
}

export const dashboards: readonly Dashboard[] = [overview, service, objectives, collector]
