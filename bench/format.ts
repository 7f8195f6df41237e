/** A time per unit: `1.23 s`, `1.23 ms`, `1.23 µs`, and below 1 µs `1.23 ns`, as a bar takes so little. */
export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return '-'
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(2)} ms`
  if (ns >= 1e3) return `${(ns / 1e3).toFixed(2)} µs`
  return `${ns.toFixed(2)} ns`
}

/** The gate's own format, fixed by the specification: ms from 1 ms on, else µs. */
export function formatMsUs(ns: number): string {
  if (!Number.isFinite(ns)) return '-'
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(2)} ms`
  return ns >= 1e4 ? `${(ns / 1e3).toFixed(2)} µs` : `${(ns / 1e3).toPrecision(3)} µs`
}

/** Three significant digits, without an exponent. */
export function formatRatio(ratio: number): string {
  if (!Number.isFinite(ratio)) return '-'
  return ratio >= 100 ? ratio.toFixed(0) : String(Number(ratio.toPrecision(3)))
}

/** A change as a fraction: `+4.1 %`, `-0.3 %`. */
export function formatChange(fraction: number): string {
  if (!Number.isFinite(fraction)) return fraction > 0 ? '+inf' : '-inf'
  return `${signed(fraction)} %`
}

/** `+0.0 % [-0.4, +0.5]` */
export function formatInterval(change: { estimate: number; lower: number; upper: number }): string {
  const { estimate, lower, upper } = change
  return `${formatChange(estimate)} [${signed(lower)}, ${signed(upper)}]`
}

function signed(fraction: number): string {
  if (!Number.isFinite(fraction)) return fraction > 0 ? '+inf' : '-inf'
  const text = Math.abs(fraction * 100).toFixed(1)
  return `${fraction < 0 && text !== '0.0' ? '-' : '+'}${text}`
}

const pageWidth = 80

/**
 * Lines of a table at most 80 columns wide, its columns as wide as their widest cell; beyond those named, columns go
 * to the right. What is too long for the room left in the first column stands on a line of its own above its row.
 */
export function table(
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[] = ['left'],
): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const rest = widths.slice(1).reduce((sum, width) => sum + 2 + width, 0)
  widths[0] = Math.min(widths[0], Math.max(0, pageWidth - rest))
  return rows.flatMap((row) => {
    const apart = row[0].length > widths[0]
    const line = (apart ? ['', ...row.slice(1)] : row)
      .map((cell, column) =>
        align[column] === 'left' ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd()
    return apart ? [row[0], line] : [line]
  })
}
