import { SpanStatusCode, type HrTime, type Span } from '@opentelemetry/api'

/** Class of an error, for `error.type`: its code or name, never its message. */
export function errorType(error: unknown): string {
  try {
    if (error instanceof Error) return error.name === 'Error' ? error.constructor.name : error.name
    return error === null ? 'null' : typeof error
  } catch {
    return 'unreadable'
  }
}

/** Marks a span as failed. A value that cannot even be read is recorded as such; nothing is thrown. */
export function recordError(span: Span, error: unknown, time?: HrTime): void {
  const type = errorType(error)
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
  span.addEvent('exception', { 'exception.type': type, 'exception.message': messageOf(error) }, time)
}

const longestMessage = 1024

function messageOf(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message : String(error)
    return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text
  } catch {
    return 'unreadable'
  }
}
