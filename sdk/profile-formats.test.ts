import { expect, test } from 'vitest'
import { profileTotals, type ProfileDocument } from './profile-document.ts'
import { toCpuProfile, toSpeedscope } from './profile-formats.ts'
import { toHeapSpeedscope, type V8HeapNode } from './profile-heap.ts'
import { renderSummary, summarise } from './profile-summary.ts'
import { createSampleLog, joinDocuments, type V8Profile } from './profile-sample-log.ts'
import type { Section } from './profile-section-columns.ts'

const at = (functionName: string, lineNumber = -1, url = '') => ({
  functionName,
  url,
  lineNumber,
  columnNumber: 0,
})
const file = 'file:///desk/it%27s%20"odd".js'

/** As V8 gives it: 1 is the root, samples name nodes, the first one is taken by the start itself. */
const segment: V8Profile = {
  nodes: [
    { id: 1, callFrame: at('(root)'), children: [2, 3, 4, 7, 9] },
    { id: 2, callFrame: at('(program)') },
    { id: 3, callFrame: at('(garbage collector)') },
    { id: 4, callFrame: at('run', 10, file), children: [5, 6] },
    { id: 5, callFrame: at('<script>alert(1)</script>\u001b[31m', 20, file) },
    { id: 6, callFrame: at('', 30, file) },
    { id: 7, callFrame: at('(idle)') },
    { id: 9, callFrame: { ...at('profileEnd'), url: 'tapescope:profiler' } },
  ],
  startTime: 5_000_000,
  endTime: 5_009_000,
  samples: [2, 2, 4, 5, 5, 6, 3, 7, 9],
  timeDeltas: [0, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000],
}
const span = (n: number, name: string) => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: `b7ad6b716920333${n}`,
  parentSpanId: null,
  name,
})
const sections: Section[] = [
  { at: 5_001_500, do: 'start', key: 1, span: span(1, 'desk.run') },
  { at: 5_002_500, do: 'start', key: 2, span: span(2, '</title>\u202e"average"\n') },
  { at: 5_004_500, do: 'end', key: 2, sync: true },
  { at: 5_006_500, do: 'end', key: 1, sync: true },
]
const about = { service: 'desk', pid: 7, intervalUs: 1000, clockOffsetMs: 1_700_000_000_000, lostSections: 0 }

function documentOf(profile: V8Profile = segment): ProfileDocument {
  const log = createSampleLog()
  log.add(profile)
  log.settle({ sections, lost: 0, untilUs: 5_008_500 })
  return log.read(0, about)
}

const golden = (name: string): string => `fixtures/golden/profile.${name}`
const pretty = (content: unknown): string => `${JSON.stringify(content, null, 1)}\n`

test('the formats, byte for byte', async () => {
  const document = documentOf()
  await expect(pretty(document)).toMatchFileSnapshot(golden('tapescope.json'))
  await expect(pretty(toSpeedscope(document))).toMatchFileSnapshot(golden('speedscope.json'))
  await expect(pretty(toCpuProfile(document))).toMatchFileSnapshot(golden('cpuprofile'))
  await expect(renderSummary(summarise(document), 'desk', ['.cpuprofile'], undefined)).toMatchFileSnapshot(
    golden('summary.txt'),
  )
})

test('garbage collection and idle time are told apart, and are on the span they fell into', () => {
  const document = documentOf()
  expect(profileTotals(document)).toMatchObject({ samples: 7, gcUs: 1000, idleUs: 1000, programUs: 1000 })
  expect(profileTotals(document, (index) => document.spans[index]?.name === 'desk.run').gcUs).toBe(1000)
})

test('the profiler itself leaves no samples', () => {
  expect(documentOf().frames.map(({ name }) => name)).not.toContain('profileEnd')
})

test('weights of all profiles but the first add up to it', () => {
  const [all, ...parts] = toSpeedscope(documentOf()).profiles
  expect(parts.reduce((sum, { endValue }) => sum + endValue, 0)).toBe(all.endValue)
  for (const { samples, weights, endValue } of [all, ...parts]) {
    expect(weights.length).toBe(samples.length)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBe(endValue)
  }
})

test('the .cpuprofile names as many samples and the same time', () => {
  const document = documentOf()
  const { nodes, samples, timeDeltas } = toCpuProfile(document) as {
    nodes: { id: number; children: number[] }[]
    samples: number[]
    timeDeltas: number[]
  }
  const ids = new Set(nodes.map(({ id }) => id))
  expect(samples.every((id) => ids.has(id))).toBe(true)
  expect(nodes.flatMap(({ children }) => children).toSorted((a, b) => a - b)).toEqual([...ids].slice(1))
  expect(timeDeltas.reduce((sum, delta) => sum + delta, 0)).toBe(document.samples.timeUs.at(-1))
})

/** `samples` stacks of the greatest depth that V8 gives, each of its own. */
function deepProfile(stacks: number): V8Profile {
  const nodes: V8Profile['nodes'] = [{ id: 1, callFrame: at('(root)'), children: [] }]
  const leaves: number[] = []
  for (let i = 0; i < stacks; i += 1) {
    let parent = nodes[0]
    for (let depth = 0; depth < 255; depth += 1) {
      const node = {
        id: nodes.length + 1,
        callFrame: at(`f${depth}`, depth === 0 ? i : depth, file),
        children: [],
      }
      parent.children?.push(node.id)
      nodes.push(node)
      parent = node
    }
    leaves.push(parent.id)
  }
  const samples = Array.from({ length: 40_000 }, (_, i) => leaves[i % stacks])
  return { nodes, startTime: 0, endTime: 41e6, samples, timeDeltas: samples.map(() => 1000) }
}

test('a long profile of deep stacks: equal ones are joined in the file, nothing of their time is lost', () => {
  const log = createSampleLog()
  log.add(deepProfile(100))
  log.settle({ sections: [], lost: 0, untilUs: Infinity })
  const [all] = toSpeedscope(log.read(0, about)).profiles
  expect(all.samples.length).toBe(100)
  expect(all.weights.reduce((sum, weight) => sum + weight, 0)).toBe(all.endValue)
  expect(all.endValue).toBe(39_999 * 1000)
})

test('an always-on ring forgets the stacks and spans that no sample uses', () => {
  const log = createSampleLog()
  for (let second = 0; second < 50; second += 1) {
    const startTime = second * 1e6
    const nodes: V8Profile['nodes'] = [{ id: 1, callFrame: at('(root)'), children: [] }]
    for (let i = 0; i < 1000; i += 1) {
      nodes[0].children?.push(i + 2)
      nodes.push({ id: i + 2, callFrame: at(`generated ${second}-${i}`, i, file) })
    }
    const samples = Array.from({ length: 1000 }, (_, i) => i + 2)
    log.add({ nodes, startTime, endTime: startTime + 1e6, samples, timeDeltas: samples.map(() => 999) })
    log.settle({ sections: [], lost: 0, untilUs: startTime + 1e6 })
    log.forget(startTime - 2e6)
  }
  expect(log.stackNodes).toBeLessThan(25_000)
  expect(log.read(0, about).samples.stack.length).toBeLessThan(4000)
  expect(log.read(0, about).frames.at(-1)?.name).toBe('generated 49-999')
})

test('documents of a process, second by second, join to the one that it would have written', () => {
  const log = createSampleLog()
  log.add(segment)
  const parts: ProfileDocument[] = []
  let from = 0
  for (const untilUs of [5_002_200, 5_003_700, 5_008_500]) {
    const wanted = sections.filter((section) => section.at >= from && section.at < untilUs)
    const open = [1, 2].filter(
      (key) =>
        sections.some((one) => one.do === 'start' && one.key === key && one.at < untilUs) &&
        sections.some((one) => one.do === 'end' && one.key === key && one.at >= untilUs),
    )
    const still = open.map((key): Section => ({ at: untilUs, do: 'still', key }))
    log.settle({ sections: [...wanted, ...still], lost: 0, untilUs })
    parts.push(log.read(from, about))
    from = untilUs
  }
  const [first, ...rest] = parts
  expect(joinDocuments([first, ...rest])).toEqual(documentOf())
})

test('sampled allocation as a weighted profile in bytes', () => {
  const node = (name: string, selfSize: number, ...children: V8HeapNode[]): V8HeapNode => ({
    callFrame: at(name, 1, file),
    selfSize,
    children,
  })
  const head = node('(root)', 0, node('run', 100, node('', 50), node('grow', 0, node('push', 7))))
  const [{ unit, endValue, weights }] = toHeapSpeedscope('desk', head).profiles
  expect([unit, endValue, weights.toSorted((a, b) => a - b)]).toEqual(['bytes', 157, [7, 50, 100]])
})

test('after a loss samples are on no span until the log is whole again', () => {
  const log = createSampleLog()
  log.add(segment)
  log.settle({ sections: sections.slice(0, 3), lost: 3, untilUs: 5_006_200 })
  // What is open seems to go on, but its end may be among what was lost.
  log.settle({ sections: sections.slice(3), lost: 0, untilUs: 5_008_500 })
  const { samples, spans } = log.read(0, about)
  const names = samples.span.map((index) => spans[index]?.name.includes('average') ?? false)
  expect(names).toEqual([false, false, true, true, false, false, false])
  expect(spans.length).toBe(1)
})
