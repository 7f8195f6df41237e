import { z } from 'zod'

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** A Go duration ("1s", "1m30s", "250ms") as milliseconds, or undefined. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let ms = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    ms += Number(number) * UNITS[unit]
  return ms
}

/** A duration, in milliseconds after parsing. `fallback` is in Go's spelling, as documentation shows it. */
export function duration(fallback: string) {
  return z
    .union([z.string(), z.literal(0)])
    .default(fallback)
    .transform((value, ctx) => {
      const ms = parseDuration(String(value))
      if (ms === undefined)
        ctx.addIssue({ code: 'custom', message: `expected a duration such as 5s or 250ms, found "${value}"` })
      return ms ?? 0
    })
}

/** "host:port". The host may be empty, which means every address of the machine. */
export function endpoint(fallback: string) {
  return z
    .string()
    .regex(/^(\[[^\]]*\]|[^:/]*):\d{1,5}$/, 'expected host:port')
    .default(fallback)
}

export const count = z.int().nonnegative()

/** A map of the configuration in which a missing value (`key:` and nothing) means all defaults. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess((value) => value ?? {}, z.strictObject(shape))
}

export function splitEndpoint(value: string): { host: string; port: number } {
  const at = value.lastIndexOf(':')
  const host = value.slice(0, at).replace(/^\[|\]$/g, '')
  return { host: host === '' ? '0.0.0.0' : host, port: Number(value.slice(at + 1)) }
}
