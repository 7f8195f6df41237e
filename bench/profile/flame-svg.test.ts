import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { difference, flameOfSamples, type FlameNode } from '../../collector/ui/model/flame-tree.ts'
import { run } from '../child.ts'
import { flameSvg } from './flame-svg.ts'
import { functionShares } from './function-shares.ts'

const frames = [
  { name: 'main', file: '/engine/main.ts', line: 1 },
  { name: 'a<T>', file: '/engine/a.ts', line: 2 },
  { name: 'b', file: '/engine/b.ts', line: 3 },
]
const flame = (weights: number[]): FlameNode =>
  flameOfSamples({
    name: 'test',
    shared: { frames },
    profiles: [{ samples: [[0], [0, 1], [0, 2], [0, 1, 2, 1]], weights }],
  })
const options = { title: 'a & b', about: 'test', format: (value: number) => `${value.toFixed(1)} ns` }

test('boxes are as wide as their share and stand on their callers; names are escaped', () => {
  const svg = flameSvg(flame([10_000, 20_000, 30_000, 40_000]), options)
  const main = /<title>main [^<]*<\/title><rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/.exec(svg)!
  const a = /<title>a&lt;T&gt; [^<]*<\/title><rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/.exec(svg)!
  expect(Number(main[3])).toBe(1200)
  expect(Number(a[3])).toBeCloseTo(720, 1)
  expect(Number(a[2])).toBeLessThan(Number(main[2]))
  expect(svg).toContain('a&lt;T&gt; engine/a.ts:2: 60.0 ns, 60.00 %; itself 20.0 ns')
  expect(svg).toContain('a &amp; b')
  expect(svg).not.toContain('a<T>')
})

test('shares: a function that calls itself counts once with its callees', () => {
  const shares = functionShares(flame([10_000, 20_000, 30_000, 40_000]))
  expect(shares.map(({ name, share }) => [name, share])).toEqual([
    ['a<T>', 0.6],
    ['b', 0.3],
    ['main', 0.1],
  ])
  expect(shares[0].totalShare).toBeCloseTo(0.6)
  expect(shares[1].totalShare).toBeCloseTo(0.7)
})

test('a difference is red where a function itself takes more, blue where less', () => {
  const svg = flameSvg(
    difference(flame([10_000, 20_000, 30_000, 40_000]), flame([10_000, 20_000, 60_000, 10_000])),
    options,
  )
  expect(svg).toMatch(/<title>b [^<]*itself 60.0 ns \(\+30.0 ns\)<\/title><rect [^>]*fill="hsl\(4 /)
  expect(svg).toMatch(/<title>a&lt;T&gt; [^<]*itself 10.0 ns \(-30.0 ns\)<\/title><rect [^>]*fill="hsl\(215 /)
})

test('a second of the backtest gives flame graphs, profiles and a summary with closed trades', async () => {
  const out = await mkdtemp(path.join(os.tmpdir(), 'tapescope-profile-test-'))
  try {
    const told = await run(
      process.execPath,
      ['bench/profile.ts', 'backtest', '--seconds', '1', '--out', out],
      {
        timeoutSeconds: 60,
      },
    )
    expect(told).toMatch(/backtest: CPU time of the main thread, .* per bar/)
    expect(told).toMatch(/\d+ long and \d+ short trades closed/)
    const read = (name: string): Promise<string> => readFile(path.join(out, name), 'utf8')
    for (const kind of ['cpu', 'heap']) {
      const svg = await read(`backtest-${kind}.svg`)
      expect(svg).toContain('runBacktest bench/profile/hot-path.ts')
      expect(svg).toContain('engine/backtest/')
    }
    const summary = JSON.parse(await read('backtest.json')) as Record<'cpu' | 'heap', { units: number }>
    expect(summary.cpu.units).toBeGreaterThan(10_000)
    expect(summary.heap.units).toBeGreaterThan(10_000)
    expect(JSON.parse(await read('backtest-cpu.cpuprofile'))).toHaveProperty('nodes')
    expect(JSON.parse(await read('backtest-cpu.speedscope.json'))).toHaveProperty('shared.frames')
    expect(JSON.parse(await read('backtest.heapprofile'))).toHaveProperty('head')
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}, 90_000)

test('what cannot be meant is a sentence', async () => {
  const options = { timeoutSeconds: 30 }
  await expect(run(process.execPath, ['bench/profile.ts', 'nothing'], options)).rejects.toThrow(
    'say what to profile: signal, backtest, pipeline or all',
  )
  const args = ['bench/profile.ts', 'signal', '--base', 'no-such-revision']
  await expect(run(process.execPath, args, options)).rejects.toThrow('no-such-revision names no commit')
})
