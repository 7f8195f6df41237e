// How the text of a setting is read. Each throws a TypeError whose message says what would have been right, and never
// repeats the text: it may be a secret.

export const text = (value: string): string => value

export function boolean(value: string): boolean {
  const word = value.toLowerCase()
  if (word === 'true') return true
  if (word === 'false') return false
  throw new TypeError('give true or false')
}

function whole(value: string, least: number): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < least)
    throw new TypeError(`give a whole number of at least ${least}`)
  return number
}

export const count = (value: string): number => whole(value, 0)
export const positive = (value: string): number => whole(value, 1)
export const milliseconds = (value: string): number => whole(value, 0)

export function port(value: string): number {
  const number = whole(value, 0)
  if (number > 65_535) throw new TypeError('give a port from 0 to 65535')
  return number
}

export function ratio(value: string): number {
  const number = Number(value)
  if (!(number >= 0 && number <= 1)) throw new TypeError('give a number from 0 to 1')
  return number
}

export function url(value: string): string {
  const parsed = URL.parse(value)
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new TypeError('give a URL such as http://127.0.0.1:4318')
  return parsed.href
}

export const oneOf =
  <const Word extends string>(...words: readonly Word[]) =>
  (value: string): Word => {
    const found = words.find((word) => word === value.toLowerCase())
    if (found === undefined) throw new TypeError(`${why(value)}give one of ${words.join(', ')}`)
    return found
  }

export const list = (value: string): string[] =>
  value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')

export const listOf = (...words: readonly string[]) => {
  const one = oneOf(...words)
  return (value: string): string[] => [...new Set(list(value).map(one))]
}

/** `a=1,b=2` with percent-encoded names and values, as in a baggage header. */
export function pairs(value: string): Record<string, string> {
  const read: Record<string, string> = {}
  for (const pair of list(value)) {
    const split = pair.indexOf('=')
    if (split <= 0) throw new TypeError('give pairs such as name=value, divided by commas')
    try {
      read[decodeURIComponent(pair.slice(0, split).trim())] = decodeURIComponent(pair.slice(split + 1).trim())
    } catch {
      throw new TypeError('percent-encode what is not plain in names and values (%25 for %)')
    }
  }
  return read
}

/** What the specification allows and this SDK does not do. */
function why(value: string): string {
  const word = value.toLowerCase()
  if (word === 'grpc') return 'OTLP over gRPC is not supported, OTLP over HTTP is; '
  if (['zipkin', 'jaeger', 'xray', 'ottrace', 'jaeger_remote', 'parentbased_jaeger_remote'].includes(word))
    return `${word} is not supported; `
  return ''
}
