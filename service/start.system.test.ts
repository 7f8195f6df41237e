import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { shelterNamedIn } from './postgres-place.ts'
import { isStillRunning, type ProcessIdentity } from './process-identity.ts'

let folder: string
let started: ChildProcess[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapescope-start-'))
  chmodSync(folder, 0o755)
  started = []
})
afterEach(async () => {
  for (const child of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  const shelter = shelterNamedIn(join(folder, 'data', 'postgres'))
  if (shelter !== undefined) rmSync(shelter, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

interface Run {
  child: ChildProcess
  ended: Promise<Ended>
  stdout: () => string
}

/** The start command as a process of its own, on free ports and a folder of this test. */
function start(args: string[], env: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'start.ts'), '--data', join(folder, 'data'), ...args],
    {
      env: {
        PATH: process.env['PATH'],
        TAPESCOPE_PORT: '0',
        TAPESCOPE_OTLP_PORT: '0',
        TAPESCOPE_VIEWER_PORT: '0',
        TAPESCOPE_PROMETHEUS_PORT: '0',
        TAPESCOPE_HEALTH_PORT: '0',
        TAPESCOPE_SIDECAR_METRICS_PORT: '0',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  started.push(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const ended = once(child, 'close').then(([code]): Ended => ({
    code: code as number | null,
    stdout,
    stderr,
  }))
  return { child, ended, stdout: () => stdout }
}

interface Summary {
  symbol: string
  bars: number
  patterns: number
  signals: number
  backtest: { strategy: string; trades: number; total_return: number }
  trace_ids: { signals: string; backtest: string }
  urls: Record<string, string>
  duration_ms: number
}

async function summaryOf(run: Run): Promise<Summary> {
  while (!run.stdout().endsWith('\n')) {
    const ended = await Promise.race([run.ended, sleep(20)])
    if (ended !== undefined) throw new Error(`ended with ${ended.code}: ${ended.stderr}`)
  }
  return JSON.parse(run.stdout()) as Summary
}

function children(): (ProcessIdentity & { name: string })[] {
  const { children } = JSON.parse(readFileSync(join(folder, 'data', 'running.json'), 'utf8')) as {
    children: (ProcessIdentity & { name: string })[]
  }
  return children
}

describe('npm start', () => {
  it('does the main job twice with the same numbers, traced, and stops on Ctrl-C', async () => {
    const first = start(['--json'])
    const summary = await summaryOf(first)
    expect(summary).toMatchObject({ symbol: 'SPX', timeframe: '1d', bars: 5105 })
    expect(summary.backtest.trades).toBeGreaterThan(0)

    for (const [traceId, run, root, bars] of [
      [summary.trace_ids.signals, 'signals.generate', 'POST /api/v1/signals/generate', 'bars.load'],
      // A trace of its own, linked to the request's. It finds the bars in memory and asks whether they are still right.
      [summary.trace_ids.backtest, 'backtest.run', 'process backtests', 'bars.revision'],
    ] as const) {
      const response = await fetch(`${summary.urls['viewer']}/api/traces/${traceId}`)
      const { spans } = (await response.json()) as {
        spans: { spanId: string; parentSpanId: string | null; name: string; kind: string }[]
      }
      const runSpan = spans.find(({ name }) => name === run)!
      const server = spans.find(({ spanId }) => spanId === runSpan.parentSpanId)!
      expect(server.name).toBe(root)
      expect(server.parentSpanId).toBeNull()
      expect(
        spans.filter(
          ({ parentSpanId, name }) => parentSpanId === runSpan.spanId && name.startsWith('stage.'),
        ),
      ).not.toHaveLength(0)
      expect(spans.map(({ name }) => name)).toContainEqual(expect.stringContaining(bars))
    }
    const ready = await fetch(`${summary.urls['service']}/readyz`)
    expect(await ready.json()).toMatchObject({ status: 'ready' })
    const metrics = await (await fetch(summary.urls['metrics'])).text()
    expect(metrics).toMatch(/^backtest_executions_total\{.*status="completed".*\} 1$/m)
    expect(metrics).toMatch(/^api_requests_total\{.*endpoint="\/api\/v1\/signals\/generate".*\} 1$/m)

    const second = await start(['--once']).ended
    expect(second.code).toBe(1)
    expect(second.stderr).toMatch(/^Tapescope already runs here \(process \d+ at http:.*\n$/)

    const left = children()
    const began = performance.now()
    first.child.kill('SIGINT')
    const { code, stderr } = await first.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(left.map(({ name }) => name)).toEqual(['sidecar'])
    expect(left.some(isStillRunning)).toBe(false)
    expect(existsSync(join(folder, 'data', 'running.json'))).toBe(false)

    const again = await start(['--once', '--json']).ended
    expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' })
    const { trace_ids, urls, duration_ms } = summary
    const repeated = JSON.parse(again.stdout) as Summary
    expect({ ...repeated, trace_ids, urls, duration_ms }).toEqual(summary)
    expect(readFileSync(join(folder, 'data', 'sidecar.log'), 'utf8')).not.toMatch(/error|fail/i)
  })

  it('serves metrics that promtool accepts and a real Prometheus scrapes', async () => {
    const run = start(['--json'])
    const { urls } = await summaryOf(run)
    const text = await (await fetch(urls['metrics'])).text()
    const promtool = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    expect({ status: promtool.status, said: promtool.stdout + promtool.stderr }).toEqual({
      status: 0,
      said: '',
    })
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(names).toEqual(
      expect.arrayContaining([
        'signal_generation_requests_total',
        'signal_generation_latency_seconds',
        'backtest_executions_total',
        'backtest_duration_seconds',
        'signals_active',
        'database_query_duration_seconds',
        'pattern_detections_total',
        'api_requests_total',
        'api_request_duration_seconds',
        'bars_processed_total',
        'signals_generated_total',
        'signals_rejected_total',
        'pattern_detection_latency_seconds',
        'signal_validation_latency_seconds',
        'stale_symbols',
        'symbol_data_age_seconds',
        'symbols_active',
        'signals_pending',
      ]),
    )

    const config = join(folder, 'prometheus.yml')
    const target = URL.parse(urls['service'])!.host
    writeFileSync(
      config,
      `global: {scrape_interval: 1s}
scrape_configs: [{job_name: tapescope, metrics_path: /api/v1/metrics, static_configs: [{targets: ['${target}']}]}]\n`,
    )
    const port = await freePort()
    const prometheus = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    try {
      const query = encodeURIComponent('backtest_executions_total{status="completed"}')
      let found: { metric: Record<string, string>; value: [number, string] }[] = []
      const deadline = Date.now() + 60_000
      while (found.length === 0 && Date.now() < deadline) {
        await sleep(200)
        const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${query}`).catch(
          () => undefined,
        )
        if (response?.ok === true) {
          found = ((await response.json()) as { data: { result: typeof found } }).data.result
        }
      }
      expect(found.map(({ metric, value }) => [metric['symbol'], value[1]])).toEqual([['SPX', '1']])
    } finally {
      prometheus.kill('SIGTERM')
      await once(prometheus, 'exit')
    }
  })

  it('clears away what a killed run left behind, and loses nothing', async () => {
    const killed = start(['--json'])
    await summaryOf(killed)
    const [sidecar] = children()
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(isStillRunning(sidecar)).toBe(true)

    const { code, stdout, stderr } = await start(['--once']).ended
    expect(code).toBe(0)
    expect(stderr.split('\n').sort()).toEqual([
      '',
      'Ended what a killed run had left running: PostgreSQL.',
      'Ended what a killed run had left running: sidecar.',
    ])
    expect(stdout).toContain('0 new, 0 changed, 5105 as before')
    expect(isStillRunning(sidecar)).toBe(false)
  })

  it('refuses a file with bad rows, naming each, and stores the rest when told to', async () => {
    const csv = join(folder, 'bars.csv')
    const rows = ['date,open,high,low,close,volume']
    for (let day = 1; day <= 28; day++) rows.push(`2024-02-${String(day).padStart(2, '0')},10,12,9,11,1000`)
    rows[5] = '2024-02-05,10,8,9,8.5,1000'
    rows[9] = '2024-02-09,ten,12,9,11,1000'
    rows[14] = rows[13]!
    writeFileSync(csv, rows.join('\n'))

    const refused = await start(['--once', '--csv', csv, '--symbol', 'MINE']).ended
    expect(refused.code).toBe(1)
    expect(refused.stdout).toBe('')
    expect(refused.stderr).toMatch(/3 bad rows, nothing was stored/)
    expect(refused.stderr).toMatch(/row 6: high 8 is below low 9/)
    expect(refused.stderr).toMatch(/row 10: open "ten" is not a number/)
    expect(refused.stderr).toMatch(/row 15: time \d+ repeats/)
    expect(existsSync(join(folder, 'data'))).toBe(false)

    // With keys the job has one of its own.
    const env = { TAPESCOPE_API_KEYS: `alice:${'0'.repeat(64)}` }
    const args = ['--once', '--json', '--csv', csv, '--symbol', 'MINE', '--skip-bad']
    const taken = await start(args, env).ended
    expect(taken.code).toBe(0)
    expect(JSON.parse(taken.stdout)).toMatchObject({ symbol: 'MINE', bars: 25 })
    expect(taken.stderr.match(/^left out: row \d+: /gm)).toHaveLength(3)
  })

  it('says in a sentence what is wrong, and leaves nothing running', async () => {
    const busy = createServer().listen(0, '127.0.0.1')
    await once(busy, 'listening')
    const address = busy.address() as { port: number }
    const taken = String(address.port)
    const cases: [string[], NodeJS.ProcessEnv, RegExp][] = [
      [['--port', taken], {}, /^Port \d+ on 127\.0\.0\.1 is taken: .*--port.*\n$/],
      [['--otlp-port', taken], {}, /^The sidecar did not start: .*\d+.*\n$/],
      [['--port', 'x'], {}, /^--port must be a port from 0 to 65535, not "x"\.\n$/],
      [['--nope'], {}, /^Unknown option '--nope'.*--help\n$/],
      [['--symbol', 'X'], {}, /^--symbol and --skip-bad go with --csv FILE.*\n$/],
      [['--csv', '/nowhere.csv', '--symbol', 'X'], {}, /^\/nowhere\.csv cannot be read \(ENOENT\)\.\n$/],
      [[], { DATABASE_URL: 'nonsense' }, /^DATABASE_URL is not a URL.*\n$/],
      [
        [],
        { DATABASE_URL: `postgres://someone:secret@127.0.0.1:1/x` },
        /^The database of DATABASE_URL at 127\.0\.0\.1:1\/x cannot be used \(ECONNREFUSED\): .*\n$/,
      ],
    ]
    for (const [args, env, sentence] of cases) {
      const { code, stdout, stderr } = await start(['--once', ...args], env).ended
      expect(stderr).toMatch(sentence)
      expect(stderr).not.toContain('secret')
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(existsSync(join(folder, 'data', 'running.json'))).toBe(false)
      expect(existsSync(join(folder, 'data', 'postgres', 'data', 'postmaster.pid'))).toBe(false)
    }
    busy.close()
  })

  it.each([0, 150, 400, 1_000, 2_000])('stops within 5 s when interrupted after %d ms', async (afterMs) => {
    const run = start([])
    await sleep(afterMs)
    const began = performance.now()
    run.child.kill('SIGTERM')
    const { code, stderr } = await run.ended
    expect(performance.now() - began).toBeLessThan(5_000)
    // Before Node has run a line of ours, the signal ends the process itself: code null.
    expect([143, null]).toContain(code)
    expect(stderr).toBe('')
    expect(existsSync(join(folder, 'data', 'running.json'))).toBe(false)
    expect(existsSync(join(folder, 'data', 'postgres', 'data', 'postmaster.pid'))).toBe(false)
  })
})
