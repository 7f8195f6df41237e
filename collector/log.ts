/** Lines for the operator, on stderr. Values from payloads are never part of a line. */
export interface Log {
  info(line: string): void
  warn(line: string): void
}

export const stderrLog: Log = {
  info: (line) => void process.stderr.write(`sidecar: ${line}\n`),
  warn: (line) => void process.stderr.write(`sidecar: warning: ${line}\n`),
}

/** Passes on at most one line per `intervalMs` for each key: a dead backend must not fill the disk with lines. */
export function limited(log: Log, intervalMs = 30_000): (key: string, line: string) => void {
  const last = new Map<string, number>()
  return (key, line) => {
    const now = Date.now()
    if (now - (last.get(key) ?? 0) < intervalMs) return
    last.set(key, now)
    log.warn(line)
  }
}
