import { BYTES, FIXED32, FIXED64, VARINT } from './wire.ts'

/**
 * OTLP's messages as tables, after opentelemetry-proto 1.9. One table serves validation, JSON to protobuf,
 * and protobuf to JSON; the names are those of OTLP's JSON encoding.
 */
export type Scalar =
  | 'string'
  | 'bytes'
  /** Bytes that JSON spells in hexadecimal: trace and span ids. */
  | 'id16'
  | 'id8'
  | 'bool'
  | 'int32'
  | 'sint32'
  | 'uint32'
  | 'enum'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double'

/** How protobuf writes each of them. */
export const WIRE_TYPE: Readonly<Record<Scalar, number>> = {
  string: BYTES,
  bytes: BYTES,
  id16: BYTES,
  id8: BYTES,
  bool: VARINT,
  int32: VARINT,
  sint32: VARINT,
  uint32: VARINT,
  enum: VARINT,
  int64: VARINT,
  uint64: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
  sfixed64: FIXED64,
  double: FIXED64,
}

export interface Field {
  readonly id: number
  readonly name: string
  readonly type: Scalar | Message
  readonly repeated: boolean
}

export interface Message {
  readonly name: string
  readonly byId: readonly (Field | undefined)[]
  readonly byName: ReadonlyMap<string, Field>
}

type FieldSpec = readonly [id: number, type: Scalar | Message | (() => Message), repeated?: 'repeated']

/** Builds a message; a field's type may be a function where messages contain each other. */
function message(name: string, fields: Record<string, FieldSpec>): Message {
  const byId: (Field | undefined)[] = []
  const byName = new Map<string, Field>()
  for (const [fieldName, [id, type, repeated]] of Object.entries(fields)) {
    const field = {
      id,
      name: fieldName,
      get type() {
        return typeof type === 'function' ? type() : type
      },
      repeated: repeated === 'repeated',
    }
    byId[id] = field
    byName.set(fieldName, field)
  }
  return { name, byId, byName }
}

export const AnyValue: Message = message('AnyValue', {
  stringValue: [1, 'string'],
  boolValue: [2, 'bool'],
  intValue: [3, 'int64'],
  doubleValue: [4, 'double'],
  arrayValue: [5, () => ArrayValue],
  kvlistValue: [6, () => KeyValueList],
  bytesValue: [7, 'bytes'],
})
const ArrayValue: Message = message('ArrayValue', { values: [1, () => AnyValue, 'repeated'] })
const KeyValue: Message = message('KeyValue', { key: [1, 'string'], value: [2, AnyValue] })
const KeyValueList: Message = message('KeyValueList', { values: [1, KeyValue, 'repeated'] })

export const Resource: Message = message('Resource', {
  attributes: [1, KeyValue, 'repeated'],
  droppedAttributesCount: [2, 'uint32'],
})

export const Scope: Message = message('InstrumentationScope', {
  name: [1, 'string'],
  version: [2, 'string'],
  attributes: [3, KeyValue, 'repeated'],
  droppedAttributesCount: [4, 'uint32'],
})

const SpanEvent = message('Span.Event', {
  timeUnixNano: [1, 'fixed64'],
  name: [2, 'string'],
  attributes: [3, KeyValue, 'repeated'],
  droppedAttributesCount: [4, 'uint32'],
})

const SpanLink = message('Span.Link', {
  traceId: [1, 'id16'],
  spanId: [2, 'id8'],
  traceState: [3, 'string'],
  attributes: [4, KeyValue, 'repeated'],
  droppedAttributesCount: [5, 'uint32'],
  flags: [6, 'fixed32'],
})

const Status = message('Status', { message: [2, 'string'], code: [3, 'enum'] })

export const Span: Message = message('Span', {
  traceId: [1, 'id16'],
  spanId: [2, 'id8'],
  traceState: [3, 'string'],
  parentSpanId: [4, 'id8'],
  flags: [16, 'fixed32'],
  name: [5, 'string'],
  kind: [6, 'enum'],
  startTimeUnixNano: [7, 'fixed64'],
  endTimeUnixNano: [8, 'fixed64'],
  attributes: [9, KeyValue, 'repeated'],
  droppedAttributesCount: [10, 'uint32'],
  events: [11, SpanEvent, 'repeated'],
  droppedEventsCount: [12, 'uint32'],
  links: [13, SpanLink, 'repeated'],
  droppedLinksCount: [14, 'uint32'],
  status: [15, Status],
})

const ScopeSpans = message('ScopeSpans', {
  scope: [1, Scope],
  spans: [2, Span, 'repeated'],
  schemaUrl: [3, 'string'],
})

const ResourceSpans = message('ResourceSpans', {
  resource: [1, Resource],
  scopeSpans: [2, ScopeSpans, 'repeated'],
  schemaUrl: [3, 'string'],
})

/** Also the shape of TracesData, which files hold. */
export const TracesRequest: Message = message('ExportTraceServiceRequest', {
  resourceSpans: [1, ResourceSpans, 'repeated'],
})

const LogRecord = message('LogRecord', {
  timeUnixNano: [1, 'fixed64'],
  observedTimeUnixNano: [11, 'fixed64'],
  severityNumber: [2, 'enum'],
  severityText: [3, 'string'],
  body: [5, AnyValue],
  attributes: [6, KeyValue, 'repeated'],
  droppedAttributesCount: [7, 'uint32'],
  flags: [8, 'fixed32'],
  traceId: [9, 'id16'],
  spanId: [10, 'id8'],
  eventName: [12, 'string'],
})

const ScopeLogs = message('ScopeLogs', {
  scope: [1, Scope],
  logRecords: [2, LogRecord, 'repeated'],
  schemaUrl: [3, 'string'],
})

const ResourceLogs = message('ResourceLogs', {
  resource: [1, Resource],
  scopeLogs: [2, ScopeLogs, 'repeated'],
  schemaUrl: [3, 'string'],
})

const LogsRequest: Message = message('ExportLogsServiceRequest', {
  resourceLogs: [1, ResourceLogs, 'repeated'],
})

const Exemplar = message('Exemplar', {
  filteredAttributes: [7, KeyValue, 'repeated'],
  timeUnixNano: [2, 'fixed64'],
  asDouble: [3, 'double'],
  asInt: [6, 'sfixed64'],
  spanId: [4, 'id8'],
  traceId: [5, 'id16'],
})

const NumberDataPoint = message('NumberDataPoint', {
  attributes: [7, KeyValue, 'repeated'],
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  asDouble: [4, 'double'],
  asInt: [6, 'sfixed64'],
  exemplars: [5, Exemplar, 'repeated'],
  flags: [8, 'uint32'],
})

const HistogramDataPoint = message('HistogramDataPoint', {
  attributes: [9, KeyValue, 'repeated'],
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  bucketCounts: [6, 'fixed64', 'repeated'],
  explicitBounds: [7, 'double', 'repeated'],
  exemplars: [8, Exemplar, 'repeated'],
  flags: [10, 'uint32'],
  min: [11, 'double'],
  max: [12, 'double'],
})

const Buckets = message('Buckets', { offset: [1, 'sint32'], bucketCounts: [2, 'uint64', 'repeated'] })

const ExponentialHistogramDataPoint = message('ExponentialHistogramDataPoint', {
  attributes: [1, KeyValue, 'repeated'],
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  scale: [6, 'sint32'],
  zeroCount: [7, 'fixed64'],
  positive: [8, Buckets],
  negative: [9, Buckets],
  flags: [10, 'uint32'],
  exemplars: [11, Exemplar, 'repeated'],
  min: [12, 'double'],
  max: [13, 'double'],
  zeroThreshold: [14, 'double'],
})

const ValueAtQuantile = message('ValueAtQuantile', { quantile: [1, 'double'], value: [2, 'double'] })

const SummaryDataPoint = message('SummaryDataPoint', {
  attributes: [7, KeyValue, 'repeated'],
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  quantileValues: [6, ValueAtQuantile, 'repeated'],
  flags: [8, 'uint32'],
})

const Gauge = message('Gauge', { dataPoints: [1, NumberDataPoint, 'repeated'] })
const Sum = message('Sum', {
  dataPoints: [1, NumberDataPoint, 'repeated'],
  aggregationTemporality: [2, 'enum'],
  isMonotonic: [3, 'bool'],
})
const Histogram = message('Histogram', {
  dataPoints: [1, HistogramDataPoint, 'repeated'],
  aggregationTemporality: [2, 'enum'],
})
const ExponentialHistogram = message('ExponentialHistogram', {
  dataPoints: [1, ExponentialHistogramDataPoint, 'repeated'],
  aggregationTemporality: [2, 'enum'],
})
const Summary = message('Summary', { dataPoints: [1, SummaryDataPoint, 'repeated'] })

const Metric = message('Metric', {
  name: [1, 'string'],
  description: [2, 'string'],
  unit: [3, 'string'],
  gauge: [5, Gauge],
  sum: [7, Sum],
  histogram: [9, Histogram],
  exponentialHistogram: [10, ExponentialHistogram],
  summary: [11, Summary],
  metadata: [12, KeyValue, 'repeated'],
})

const ScopeMetrics = message('ScopeMetrics', {
  scope: [1, Scope],
  metrics: [2, Metric, 'repeated'],
  schemaUrl: [3, 'string'],
})

const ResourceMetrics = message('ResourceMetrics', {
  resource: [1, Resource],
  scopeMetrics: [2, ScopeMetrics, 'repeated'],
  schemaUrl: [3, 'string'],
})

export const MetricsRequest: Message = message('ExportMetricsServiceRequest', {
  resourceMetrics: [1, ResourceMetrics, 'repeated'],
})

/** google.rpc.Status, what a receiver answers with when it refuses. */
export const RpcStatus: Message = message('Status', { code: [1, 'int32'], message: [2, 'string'] })

export type Signal = 'traces' | 'metrics' | 'logs'

export const REQUESTS: Readonly<Record<Signal, Message>> = {
  traces: TracesRequest,
  metrics: MetricsRequest,
  logs: LogsRequest,
}

/** The three export responses, which differ only in what the JSON calls the count. */
export const ExportResponse: Message = message('ExportServiceResponse', {
  partialSuccess: [
    1,
    message('ExportPartialSuccess', { rejected: [1, 'int64'], errorMessage: [2, 'string'] }),
  ],
})
