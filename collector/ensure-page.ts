import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const uiDir = join(import.meta.dirname, 'ui')
const STAMP = '.sources'

/**
 * Builds the viewer's page into `collector/ui/dist` when it is missing or older than its sources, in a process of its
 * own (a bundler's memory is not the sidecar's). In the published package there are no sources and nothing is built.
 * Answers with what went wrong, or undefined.
 */
export async function ensurePage(dist: string): Promise<string | undefined> {
  const sources = await sourcesHash().catch(() => undefined)
  if (sources === undefined || (await stampOf(dist)) === sources) return undefined
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), dist, sources], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)))
  const stop = (): boolean => child.kill()
  process.once('exit', stop)
  const code = await new Promise((resolve) => child.once('close', resolve).once('error', resolve))
  process.off('exit', stop)
  return code === 0 ? undefined : `the page could not be built: ${said.trim() || String(code)}`
}

async function stampOf(dist: string): Promise<string | undefined> {
  return readFile(join(dist, STAMP), 'utf8').catch(() => undefined)
}

async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256')
  await access(join(uiDir, 'main.tsx'))
  const names = await readdir(uiDir, { recursive: true })
  for (const name of names.toSorted()) {
    if (!/\.(?:tsx?|css|html|svg)$/.test(name) || /^dist\b|\.test\./.test(name)) continue
    hash.update(name).update(await readFile(join(uiDir, name)))
  }
  return hash.update(await readFile(join(import.meta.dirname, 'package.json'))).digest('hex')
}

/** Builds into a folder beside `dist` and swaps it in, so that a page is whole or not there. */
async function buildPage(dist: string): Promise<void> {
  const { build } = await import('vite')
  // In a folder that git and the linter leave alone.
  const temporary = join(import.meta.dirname, 'dist', `page.${process.pid}`)
  try {
    await build({
      root: uiDir,
      configFile: join(uiDir, 'vite.config.ts'),
      logLevel: 'error',
      build: { outDir: temporary, license: { fileName: 'licenses.md' } },
    })
    const speedscope = dirname(createRequire(import.meta.url).resolve('speedscope/package.json'))
    await cp(join(speedscope, 'dist', 'release'), join(temporary, 'speedscope'), {
      recursive: true,
      filter: (path) => !/\.(?:map|txt|wasm)$/.test(path) || path.endsWith('release'),
    })
    await cp(join(speedscope, 'LICENSE'), join(temporary, 'speedscope', 'LICENSE.txt'))
    await writeFile(join(temporary, STAMP), await sourcesHash())
    await mkdir(dirname(dist), { recursive: true })
    await rename(dist, `${temporary}.old`).catch(() => undefined)
    // Two sidecars that start at once build the same page: whose comes second is not needed.
    await rename(temporary, dist).catch(async (error: unknown) => {
      if ((await stampOf(dist)) === undefined) throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
    await rm(`${temporary}.old`, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await buildPage(resolve(process.argv[2] ?? join(uiDir, 'dist')))
