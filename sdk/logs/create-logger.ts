import { context, logs, SeverityNumber, trace, type AnyValue } from '@opentelemetry/api'
import { packageVersion } from '../package-version.ts'
import { currentRedactor } from '../privacy/current-redactor.ts'
import { plainValue, type PlainValue } from './plain-value.ts'

const severities = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
} as const

/** Severity of a line, the least severe first. */
export type LogLevel = keyof typeof severities

/** How a logger writes; each has a default. */
export interface LoggerOptions {
  /** Where lines go, each with its newline; default stdout. */
  readonly write?: (line: string) => void
  /** The least severe level that is logged; default `info`. */
  readonly level?: LogLevel
  /** On every line. */
  readonly attributes?: Readonly<Record<string, unknown>>
  /** The time of a line, in ms since the Unix epoch. */
  readonly now?: () => number
}

/** Structured logging: one call is one JSON line. */
export interface Logger {
  debug(message: string, attributes?: Readonly<Record<string, unknown>>): void
  info(message: string, attributes?: Readonly<Record<string, unknown>>): void
  warn(message: string, attributes?: Readonly<Record<string, unknown>>): void
  error(message: string, attributes?: Readonly<Record<string, unknown>>): void
  /** The same logger with more attributes on every line. */
  child(attributes: Readonly<Record<string, unknown>>): Logger
}

/** Keys of a line that attributes cannot take. */
const reserved = new Set(['time', 'level', 'message', 'trace_id', 'span_id'])

/**
 * A logger of JSON lines that carry the trace and span id of the active span. One event is one line that `JSON.parse`
 * reads, whatever the message and the attributes hold; secrets are taken out as in spans; logging never throws. With
 * OTEL_LOGS_EXPORTER=otlp each event is sent as a log record too.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { write = toStdout, level = 'info', attributes: always = {}, now = Date.now } = options
  const least = severities[level]

  function log(name: LogLevel, message: string, attributes: Readonly<Record<string, unknown>> = {}): void {
    if (severities[name] < least) return
    try {
      const redactor = currentRedactor()
      const asPlain = { message: (text: string) => redactor.message(text) }
      const fields = {
        ...fieldsOf(plainValue(always, asPlain)),
        ...fieldsOf(plainValue(attributes, asPlain)),
      }
      redactor.attributes(fields)
      const said = plainValue(message, asPlain)
      const text = redactor.text(typeof said === 'string' ? said : JSON.stringify(said))
      const span = trace.getSpanContext(context.active())
      const timeMs = now()
      const line: Record<string, unknown> = {
        time: new Date(timeMs).toISOString(),
        level: name,
        message: text,
      }
      if (span !== undefined) {
        line['trace_id'] = span.traceId
        line['span_id'] = span.spanId
      }
      for (const [key, value] of Object.entries(fields))
        line[reserved.has(key) ? `attributes.${key}` : key] = value
      write(`${oneLine(line)}\n`)
      logs.getLogger('@tapescope/sdk', packageVersion).emit({
        timestamp: timeMs,
        severityNumber: severities[name],
        severityText: name.toUpperCase(),
        body: text,
        attributes: fields,
      })
    } catch {
      // A log line is not worth an error in the program.
    }
  }

  return {
    debug: (message, attributes) => log('debug', message, attributes),
    info: (message, attributes) => log('info', message, attributes),
    warn: (message, attributes) => log('warn', message, attributes),
    error: (message, attributes) => log('error', message, attributes),
    child: (attributes) => createLogger({ ...options, attributes: { ...always, ...attributes } }),
  }
}

/** What is not an object has no names for its parts. */
const fieldsOf = (plain: PlainValue): Record<string, AnyValue> =>
  typeof plain === 'object' && plain !== null && !Array.isArray(plain) ? plain : {}

/** JSON that no reader of lines can split: also without the two separators that some take for line ends. */
const oneLine = (line: Record<string, unknown>): string =>
  JSON.stringify(line).replace(
    /[\u2028\u2029\u0085]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

function toStdout(line: string): void {
  process.stdout.write(line)
}
