import { statSync } from 'node:fs'
import { z } from 'zod'
import { SegmentLog } from './queue/segment-log.ts'

const whole = z.array(
  z
    .number()
    .int()
    .min(-1)
    .max(2 ** 40),
)
/** What the SDK's profiler posts: stacks as a tree, samples in columns, each on a span or on none (-1). */
const documentShape = z.object({
  format: z.literal('tapescope.profile/1'),
  service: z.string().max(500),
  frames: z.array(
    z.object({
      name: z.string().max(2000),
      file: z.string().max(4000).optional(),
      line: z.number().int().optional(),
      col: z.number().int().optional(),
    }),
  ),
  stacks: z.object({ parent: whole, frame: whole }),
  samples: z.object({ timeUs: whole, weightUs: whole, stack: whole, span: whole }),
  spans: z.array(z.object({ traceId: z.string().max(32), spanId: z.string().max(16), name: z.string() })),
})
type Document = z.infer<typeof documentShape>

export interface SpeedscopeFile {
  $schema: string
  name: string
  shared: { frames: Document['frames'] }
  profiles: {
    type: 'sampled'
    name: string
    unit: 'microseconds'
    startValue: 0
    endValue: number
    samples: number[][]
    weights: number[]
  }[]
}

interface ProfileStoreOptions {
  /** Bytes of posted documents; the oldest go first. */
  readonly maxBytes?: number
  /** What came longer ago is forgotten. */
  readonly maxAgeMs?: number
  /** Where documents survive a restart; without it they are kept in memory only. */
  readonly dir?: string | undefined
  /** Told when a document could not be written there: it is kept in memory. */
  readonly warn?: (line: string) => void
}

interface Held {
  readonly document: Document
  readonly bytes: number
  readonly arrivedAt: number
  /** The file on disk that it lies in. */
  readonly segment: number | undefined
}

/** CPU samples that processes sent, newest last; on disk as they were posted, in segments that are removed whole. */
export class ProfileStore {
  private readonly maxBytes: number
  private readonly maxAgeMs: number
  private readonly disk: SegmentLog | undefined
  private readonly warn: (line: string) => void
  private readonly documents: Held[] = []
  private bytes = 0
  /** Documents on disk that were left out at the start because their bytes are not what was written. */
  readonly damagedRecords: number = 0

  constructor({ maxBytes = 64 * 2 ** 20, maxAgeMs = Infinity, dir, warn }: ProfileStoreOptions = {}) {
    this.maxBytes = maxBytes
    this.maxAgeMs = maxAgeMs
    this.warn = warn ?? (() => undefined)
    if (dir === undefined) return
    this.disk = new SegmentLog(dir, Math.max(64 * 1024, maxBytes / 16))
    for (const segment of this.disk.segments()) {
      const arrivedAt = statSync(this.disk.path(segment)).mtimeMs
      const { records } = this.disk.recover(segment, ({ payload }) => {
        // Checked before it was written, and its checksum is right.
        const document = JSON.parse(payload.toString()) as Document
        this.hold({ document, bytes: payload.length, arrivedAt, segment })
      })
      this.damagedRecords += records
    }
    this.disk.recovered()
    this.trim()
  }

  get size(): { documents: number; bytes: number } {
    return { documents: this.documents.length, bytes: this.bytes }
  }

  /** Takes a posted document. Answers with what is wrong with it, or undefined. */
  add(text: string): string | undefined {
    const read = readDocument(text)
    if (typeof read === 'string') return read
    const payload = Buffer.from(text)
    let segment: number | undefined
    try {
      segment = this.disk?.append(payload, read.samples.stack.length).segment
    } catch (error) {
      this.warn(`viewer: a profile is kept in memory only: ${(error as Error).message}`)
    }
    this.hold({ document: read, bytes: payload.length, arrivedAt: Date.now(), segment })
    this.trim()
    return undefined
  }

  close(): void {
    this.disk?.close()
  }

  private hold(held: Held): void {
    this.documents.push(held)
    this.bytes += held.bytes
  }

  /** Forgets what is too much or too old, but never the newest; a file goes when nothing of it is held any more. */
  private trim(): void {
    const tooOld = Date.now() - this.maxAgeMs
    const { documents } = this
    while (documents.length > 0) {
      const [{ bytes, arrivedAt, segment }] = documents
      if (arrivedAt >= tooOld && (this.bytes <= this.maxBytes || documents.length === 1)) return
      documents.shift()
      this.bytes -= bytes
      if (segment !== undefined && documents[0]?.segment !== segment) this.disk?.remove(segment)
    }
  }

  /** What `add` would answer. */
  check(text: string): string | undefined {
    const read = readDocument(text)
    return typeof read === 'string' ? read : undefined
  }

  /** The documents with samples of this trace, as they were posted, cut to its spans. */
  ofTrace(traceId: string): Document[] {
    return this.documents.flatMap(({ document }) => {
      const keep = document.samples.span.flatMap((span, i) =>
        document.spans[span]?.traceId === traceId ? [i] : [],
      )
      if (keep.length === 0) return []
      const column = (values: number[]) => keep.map((i) => values[i])
      const { timeUs, weightUs, stack, span } = document.samples
      const samples = {
        timeUs: column(timeUs),
        weightUs: column(weightUs),
        stack: column(stack),
        span: column(span),
      }
      return [{ ...document, samples }]
    })
  }

  /** Whether samples of this trace are here, by span: their count and weight. */
  sampled(traceId: string): Record<string, { samples: number; weightUs: number }> {
    const spans: Record<string, { samples: number; weightUs: number }> = {}
    for (const { document } of this.documents) {
      const wanted = document.spans.map((span) => span.traceId === traceId)
      if (!wanted.includes(true)) continue
      for (const [i, span] of document.samples.span.entries()) {
        if (!wanted[span]) continue
        const sum = (spans[document.spans[span].spanId] ??= { samples: 0, weightUs: 0 })
        sum.samples++
        sum.weightUs += document.samples.weightUs[i]
      }
    }
    return spans
  }

  /**
   * The samples of the spans that `wanted` accepts as one weighted profile; undefined when there are none. With
   * `passes`, only those whose stack, from the root to the leaf, it accepts.
   */
  speedscope(
    name: string,
    wanted: (span: Document['spans'][number]) => boolean,
    passes?: (stack: readonly Document['frames'][number][]) => boolean,
  ): SpeedscopeFile | undefined {
    const frames: Document['frames'] = []
    const frameIndex = new Map<string, number>()
    const samples: number[][] = []
    const weights: number[] = []
    for (const { document } of this.documents) {
      const accepted = document.spans.map(wanted)
      if (!accepted.includes(true)) continue
      // A process sends a document a second, with the same frames in each.
      const frameAt = document.frames.map((frame) => {
        const key = `${frame.name}\n${frame.file}:${frame.line}:${frame.col}`
        const known = frameIndex.get(key) ?? frames.push(frame) - 1
        frameIndex.set(key, known)
        return known
      })
      for (const [i, span] of document.samples.span.entries()) {
        if (!accepted[span]) continue
        const path: number[] = []
        for (let at = document.samples.stack[i]; at >= 0; at = document.stacks.parent[at]) {
          path.push(frameAt[document.stacks.frame[at]])
        }
        path.reverse()
        if (passes?.(path.map((frame) => frames[frame])) === false) continue
        samples.push(path)
        weights.push(document.samples.weightUs[i])
      }
    }
    if (samples.length === 0) return undefined
    const endValue = weights.reduce((sum, weight) => sum + weight, 0)
    return {
      $schema: 'https://www.speedscope.app/file-format-schema.json',
      name,
      shared: { frames },
      profiles: [{ type: 'sampled', name, unit: 'microseconds', startValue: 0, endValue, samples, weights }],
    }
  }
}

/** The document, or what is wrong with it. */
function readDocument(text: string): Document | string {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return 'the body is not JSON'
  }
  const checked = documentShape.safeParse(parsed)
  if (!checked.success) {
    const [issue] = checked.error.issues
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a profile'}`
  }
  return brokenReference(checked.data) ?? checked.data
}

/** Parents stand before their children, so that no stack can be a circle. */
function brokenReference({ frames, stacks, samples, spans }: Document): string | undefined {
  const { parent, frame } = stacks
  if (parent.length !== frame.length) return 'stacks: the columns differ in length'
  const rows = samples.stack.length
  if (samples.span.length !== rows || samples.weightUs.length !== rows)
    return 'samples: the columns differ in length'
  if (parent.some((at, i) => at >= i)) return 'stacks.parent: a parent stands after its child'
  if (frame.some((at) => at < 0 || at >= frames.length)) return 'stacks.frame: no such frame'
  if (samples.stack.some((at) => at < 0 || at >= parent.length)) return 'samples.stack: no such stack'
  if (samples.span.some((at) => at >= spans.length)) return 'samples.span: no such span'
  return undefined
}
