import type { WriteStream } from 'node:tty'
import type { WindowFigures } from './call-record.ts'

const columns = 80
const barCells = 16

/** `heavy  134/300 s  100 users   49.8/s  p95    12.3 ms  0 failed  [#######.........]`, at most 80 columns. */
export function progressLine(
  scenario: string,
  totalSeconds: number,
  window: WindowFigures,
  failedSoFar: number,
): string {
  const { seconds, length, answered, users, inFlight, p95 } = window
  const part = Math.min(1, seconds / totalSeconds)
  const done = Math.round(part * barCells)
  const busy = users > 0 ? `${users} users` : `${inFlight} open`
  const latency = Number.isNaN(p95) ? '-' : `${p95.toFixed(p95 < 100 ? 1 : 0)} ms`
  const line = [
    `${scenario} ${seconds.toFixed(0)}/${totalSeconds.toFixed(0)} s`,
    busy,
    `${(answered / Math.max(length, 0.001)).toFixed(1)}/s`,
    `p95 ${latency}`,
    `${failedSoFar} failed`,
    `[${'#'.repeat(done)}${'.'.repeat(barCells - done)}]`,
  ].join('  ')
  return line.slice(0, columns)
}

/** The lines of a run on a terminal; nothing in a pipe. */
export function showProgress(stream: WriteStream): { show(line: string): void; done(): void } {
  if (!stream.isTTY) return { show: () => undefined, done: () => undefined }
  return {
    show: (line) => stream.write(`\r\u001B[2K${line.slice(0, columns - 1)}`),
    done: () => stream.write('\r\u001B[2K'),
  }
}
