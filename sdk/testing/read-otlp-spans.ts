/** What the sink reads of a span; ids are lower-case hex. */
export interface SinkSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
}

type Visit = (field: number, bytes: Buffer) => void

/** Name and ids of every span of an ExportTraceServiceRequest in protobuf. */
export function readOtlpSpans(body: Buffer): SinkSpan[] {
  const spans: SinkSpan[] = []
  each(body, 1, (resourceSpans) =>
    each(resourceSpans, 2, (scopeSpans) => each(scopeSpans, 2, (span) => spans.push(readSpan(span)))),
  )
  return spans
}

function readSpan(bytes: Buffer): SinkSpan {
  const fields = new Map<number, Buffer>()
  walk(bytes, (field, value) => fields.set(field, value))
  return {
    name: fields.get(5)?.toString() ?? '',
    traceId: fields.get(1)?.toString('hex') ?? '',
    spanId: fields.get(2)?.toString('hex') ?? '',
  }
}

function each(bytes: Buffer, wanted: number, visit: (bytes: Buffer) => void): void {
  walk(bytes, (field, value) => {
    if (field === wanted) visit(value)
  })
}

/** Calls `visit` for every length-delimited field of a message. */
function walk(bytes: Buffer, visit: Visit): void {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const wire = tag & 7
    if (wire === 0) varint()
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = varint()
      visit(Math.floor(tag / 8), bytes.subarray(at, at + length))
      at += length
    } else throw new Error(`wire type ${wire}`)
  }
}
