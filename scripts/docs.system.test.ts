/**
 * Every command of every page, executed as a stranger would: in a fresh clone, under the system's Node, from the top of
 * the page to its end. A fenced block with the language `sh` is run by bash; all blocks of a page share one shell. Words
 * after the language say what else is meant:
 *
 *   background until="TEXT"   stays up until the page ends; the page goes on once it printed TEXT
 *   exit=N                    ends with this code instead of 0
 *   needs=NAME,NAME           left out, and said so, where one of these programs is missing
 *   long=FILE                 takes longer than CI allows: not run here; FILE is the output that was kept
 *   elsewhere=FILE            not run again here: FILE, a script or a test, runs it
 *
 * `text output` after it is what it prints; numbers, ids and bar charts may differ, and `...` stands for any lines.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { masked, pages, readPage, root, type Fence } from './docs-page.ts'

/** The first page of all: it must work where nothing is installed. */
const first = 'README.md'
const spoken = [first, ...pages.filter((page) => page !== first)].filter((page) =>
  readPage(page).fences.some(({ language, words }) => language === 'sh' && toRun(words)),
)

function toRun(words: ReadonlyMap<string, string>): boolean {
  return !words.has('long') && !words.has('elsewhere')
}

/** The system's Node and npm, not the ones that `npm run` puts in front. */
const systemPath = (process.env['PATH'] ?? '')
  .split(path.delimiter)
  .filter((folder) => !folder.includes('node_modules') && !folder.includes('node-gyp-bin'))
  .join(path.delimiter)

/** The command line of Docker alone does nothing: it takes an engine. */
const has = (program: string): boolean => {
  const asked = program === 'docker' ? 'docker compose version && docker info' : `command -v ${program}`
  try {
    execFileSync('bash', ['-c', asked], { env: { PATH: systemPath }, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const ports: Readonly<Record<string, number>> = {
  TAPESCOPE_PORT: 8080,
  TAPESCOPE_OTLP_PORT: 4318,
  TAPESCOPE_VIEWER_PORT: 4319,
  TAPESCOPE_PROMETHEUS_PORT: 8889,
  TAPESCOPE_HEALTH_PORT: 13133,
  TAPESCOPE_SIDECAR_METRICS_PORT: 8888,
}

/** A port for each default one, so that what runs on this machine does not decide the outcome. */
async function freePorts(): Promise<Map<string, number>> {
  const servers = await Promise.all(
    Object.keys(ports).map(async (name) => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return [name, server] as const
    }),
  )
  const found = new Map(servers.map(([name, server]) => [name, (server.address() as AddressInfo).port]))
  for (const [, server] of servers) server.close()
  return found
}

/** The first line of `promised` that `printed` does not have in its place. */
function missingLine(promised: string, printed: string): string | undefined {
  const lines = printed.split('\n').map(masked)
  let at = 0
  for (const line of promised.split('\n')) {
    if (line.trim() === '...' || masked(line) === '') continue
    const found = lines.indexOf(masked(line), at)
    if (found < 0) return line
    at = found + 1
  }
  return undefined
}

const prelude = `
set -euo pipefail
wait_for() { # wait_for PID FILE TEXT: until the file has the text, for two minutes at most
  for _ in $(seq 1200); do
    grep -qF -- "$3" "$2" && return 0
    kill -0 "$1" 2>/dev/null || { echo "it ended before it printed: $3"; return 1; }
    sleep 0.1
  done
  echo "it did not print within two minutes: $3"; return 1
}
`

function shellOf(block: Fence, file: string): string {
  const until = block.words.get('until') ?? ''
  if (block.words.has('background'))
    return `( . ${file} ) >${file}.out 2>&1 </dev/null &\nwait_for $! ${file}.out '${until}' >>${file}.out\n`
  const exit = block.words.get('exit')
  if (exit === undefined) return `. ${file} >${file}.out 2>&1 </dev/null\n`
  return `code=0; ( set -e; . ${file} ) >${file}.out 2>&1 </dev/null || code=$?
[ $code -eq ${exit} ] || { echo "ended with $code instead of ${exit}" >>${file}.out; exit 1; }\n`
}

let base = ''
beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'tapescope-docs-'))
})
afterAll(() => rm(base, { recursive: true, force: true }))

/** A clone with what stands here, uncommitted changes included. */
async function clone(name: string): Promise<string> {
  const to = path.join(base, name)
  execFileSync('git', ['clone', '--quiet', root, to])
  const changed = execFileSync('git', ['ls-files', '-z', '-m', '-o', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  const deleted = new Set(
    execFileSync('git', ['ls-files', '-z', '-d'], { cwd: root, encoding: 'utf8' }).split('\0'),
  )
  for (const file of changed.split('\0').filter((one) => one && !deleted.has(one))) {
    await mkdir(path.dirname(path.join(to, file)), { recursive: true })
    await cp(path.join(root, file), path.join(to, file))
  }
  return to
}

let installed: string | undefined
test.each(spoken)('%s: its commands work in their order', { timeout: 900_000 }, async (page) => {
  const name = page.replaceAll(/[/.]/g, '-')
  const place = await clone(name)
  if (page === first) installed = place
  else if (installed !== undefined)
    // Hard links: an installation in a second instead of a minute.
    execFileSync('bash', [
      '-c',
      'cd "$1" && find . -name node_modules -prune -print | while read -r dir; do mkdir -p "$2/$(dirname "$dir")"; cp -al "$dir" "$2/$dir"; done; touch "$2/node_modules/.package-lock.json"',
      'bash',
      installed,
      place,
    ])

  const free = await freePorts()
  const here = (text: string): string =>
    Object.entries(ports).reduce(
      (all, [key, usual]) =>
        all
          .replaceAll(`127.0.0.1:${usual}`, `127.0.0.1:${free.get(key)}`)
          .replaceAll(`localhost:${usual}`, `localhost:${free.get(key)}`),
      text,
    )
  const steps = path.join(base, `${name}-steps`)
  await mkdir(steps)
  const { fences } = readPage(page)
  const skipped: string[] = []
  const run: { block: Fence; file: string }[] = []
  let script = prelude
  for (const block of fences) {
    if (block.language !== 'sh' || !toRun(block.words)) continue
    const lacking = (block.words.get('needs') ?? '').split(',').filter((one) => one !== '' && !has(one))
    if (lacking.length > 0) {
      skipped.push(`${page}:${block.line}: NOT SHOWN, needs ${lacking.join(', ')}`)
      continue
    }
    const file = path.join(steps, String(block.line))
    await writeFile(file, `${here(block.text)}\n`)
    run.push({ block, file })
    script += `echo ${block.line} >${steps}/at\n${shellOf(block, file)}`
  }
  script += `echo end >${steps}/at\n`
  for (const line of skipped) console.log(line)

  const home = path.join(base, `${name}-home`)
  await mkdir(home)
  const shell = spawn('bash', ['-c', script], {
    cwd: place,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      PATH: systemPath,
      HOME: home,
      LANG: 'C.UTF-8',
      COLUMNS: '80',
      TMPDIR: tmpdir(),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${free.get('TAPESCOPE_OTLP_PORT')}`,
      TAPESCOPE_VIEWER_URL: `http://127.0.0.1:${free.get('TAPESCOPE_VIEWER_PORT')}`,
      npm_config_cache: process.env['npm_config_cache'] ?? path.join(process.env['HOME'] ?? home, '.npm'),
      ...Object.fromEntries([...free].map(([key, port]) => [key, String(port)])),
    },
  })
  const [code] = (await once(shell, 'exit')) as [number | null]
  const at = (await readFile(path.join(steps, 'at'), 'utf8')).trim()
  await endGroup(shell.pid ?? 0)
  const printedAt = await readFile(path.join(steps, `${at}.out`), 'utf8').catch(() => '')
  expect({ at, code }, `${page}:${at} printed:\n${printedAt.slice(-2000)}`).toEqual({ at: 'end', code: 0 })
  for (const { block, file } of run) {
    const next = fences[fences.indexOf(block) + 1]
    if (next?.language !== 'text' || !next.words.has('output')) continue
    const printed = await readFile(`${file}.out`, 'utf8')
    expect(
      missingLine(here(next.text), printed),
      `${page}:${next.line}: not in what it printed:\n${printed.slice(-3000)}`,
    ).toBeUndefined()
  }
})

/** Ends what a page left running, and waits until it is gone. */
async function endGroup(group: number): Promise<void> {
  for (const [signal, rounds] of [
    ['SIGTERM', 200],
    ['SIGKILL', 50],
  ] as const) {
    try {
      process.kill(-group, signal)
      for (let i = 0; i < rounds; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        process.kill(-group, 0)
      }
    } catch {
      return // no such group any more
    }
  }
}

test('each PromQL expression of each page parses and asks for metrics that exist', async () => {
  const expressions = pages.flatMap((page) =>
    readPage(page)
      .fences.filter(({ language }) => language === 'promql')
      .flatMap(({ text }) => text.split(/\n{2,}/)),
  )
  expect(expressions.length).toBeGreaterThan(10)
  const file = path.join(base, 'expressions.yml')
  const rules = expressions.map((expr, i) => ({ record: `docs:expression:${i}`, expr }))
  await writeFile(file, stringify({ groups: [{ name: 'docs', rules }] }))
  execFileSync('promtool', ['check', 'rules', file], { stdio: 'pipe' })

  const told = await readFile(path.join(root, 'docs/telemetry.md'), 'utf8')
  const asked = new Set(
    expressions
      .map((text) => text.replaceAll(/\b(by|without) \([^)]*\)/g, ''))
      .flatMap((text) => [...text.matchAll(/\b[a-z]\w*_\w+\b(?=[[{)]|$)/gm)].map(([name]) => name)),
  )
  const ours = [...asked].filter((name) => !/^(otelcol|traces_span_metrics)_/.test(name))
  expect(ours.length).toBeGreaterThan(10)
  expect(ours.filter((name) => !told.includes(`\`${name.replace(/_(bucket|sum|count)$/, '')}\``))).toEqual([])
})

test('what a page promises is held against what is printed', () => {
  const printed = 'a 5105 bars\nmore\ntrace 8ff4ebeafad6fe0689f24df953a6b241\nend'
  expect(missingLine('a 12 bars\n...\ntrace 00000000000000000000000000000000', printed)).toBeUndefined()
  expect(missingLine('a 12 bars\nsomething else', printed)).toBe('something else')
  expect(missingLine('end\na 12 bars', printed)).toBe('a 12 bars')
})
