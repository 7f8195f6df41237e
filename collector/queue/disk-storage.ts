import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { SegmentLog, type Damage, type Position } from './segment-log.ts'
import type { QueueItem, QueueStorage } from './send-queue.ts'

const SEGMENT_BYTES = 4 * 2 ** 20
/** Payloads that are also kept in memory, so that a queue that drains does not read what it just wrote. */
const CACHE_BYTES = 8 * 2 ** 20

interface Entry extends QueueItem {
  readonly position: Position
  cached: Buffer | undefined
}

/**
 * A queue on disk. What was offered is found again after a crash until it is done; what was done shortly before
 * a crash may come once more. Damaged records are left out and reported.
 */
export function diskStorage(dir: string): QueueStorage & { readonly damage: Damage } {
  const log = new SegmentLog(dir, SEGMENT_BYTES)
  const entries: Entry[] = []
  let head = 0
  let cachedBytes = 0
  /** Records of a segment that are not done yet. */
  const open = new Map<number, number>()
  const damage = { records: 0, items: 0 }

  const entryOf = (position: Position, cached: Buffer | undefined): Entry => ({
    position,
    count: position.count,
    bytes: position.length,
    cached,
    payload() {
      return this.cached ?? log.read(position)
    },
  })

  for (const segment of log.segments()) {
    const done = readDone(donePath(log, segment))
    let live = 0
    const found = log.recover(segment, ({ position }) => {
      if (done.has(position.offset)) return
      entries.push(entryOf(position, undefined))
      live++
    })
    damage.records += found.records
    damage.items += found.items
    if (live === 0) removeSegment(log, segment)
    else open.set(segment, live)
  }
  log.recovered()

  return {
    persistent: true,
    damage,
    get length() {
      return entries.length - head
    },
    offer(payload, count) {
      const position = log.append(payload, count)
      const keep = cachedBytes + payload.length <= CACHE_BYTES
      if (keep) cachedBytes += payload.length
      entries.push(entryOf(position, keep ? payload : undefined))
      open.set(position.segment, (open.get(position.segment) ?? 0) + 1)
    },
    peek: (index) => entries[head + index],
    take() {
      const entry = entries[head]
      entries[head++] = undefined as unknown as Entry
      if (head > 1024 && head * 2 > entries.length) {
        entries.splice(0, head)
        head = 0
      }
      return entry
    },
    done(items) {
      for (const entry of items as Entry[]) {
        const { segment, offset } = entry.position
        if (entry.cached) cachedBytes -= entry.cached.length
        entry.cached = undefined
        const left = open.get(segment)! - 1
        open.set(segment, left)
        if (left > 0) {
          const mark = Buffer.alloc(4)
          mark.writeUInt32LE(offset)
          appendFileSync(donePath(log, segment), mark)
        } else {
          // Also when it is the file that is being written: the next record begins another one.
          open.delete(segment)
          removeSegment(log, segment)
        }
      }
    },
    close: () => log.close(),
  }
}

function donePath(log: SegmentLog, segment: number): string {
  return log.path(segment).replace(/\.log$/, '.done')
}

function removeSegment(log: SegmentLog, segment: number): void {
  log.remove(segment)
  rmSync(donePath(log, segment), { force: true })
}

/** Offsets of records that are done, four bytes each. A damaged list costs duplicates, nothing else. */
function readDone(path: string): Set<number> {
  const done = new Set<number>()
  if (!existsSync(path)) return done
  const bytes = readFileSync(path)
  for (let at = 0; at + 4 <= bytes.length; at += 4) done.add(bytes.readUInt32LE(at))
  return done
}
