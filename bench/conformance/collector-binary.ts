import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../child.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = path.join(root, 'collector/builder.yaml')

export type Built = { readonly path: string } | { readonly unavailable: string }

/** Where built Collectors are kept, by the hash of what they are built from. */
export function collectorCache(): string {
  return path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'tapescope/collector')
}

/** The Collector of `collector/builder.yaml` where it has been built before; `npm run collector:build` builds it. */
export async function builtCollector(): Promise<Built> {
  const file = await cachedFile()
  if (existsSync(file)) return { path: file }
  return { unavailable: 'the Collector has not been built here (npm run collector:build, which needs Go)' }
}

/**
 * Builds the Collector from its manifest with its own builder, once per manifest: minutes, and Go's module proxy.
 * `unavailable` says why there is no Go to build with; a build that fails throws.
 */
export async function buildCollector(say: (line: string) => void, signal?: AbortSignal): Promise<Built> {
  const stop = signal === undefined ? {} : { signal }
  try {
    say((await run('go', ['version'], { timeoutSeconds: 30, ...stop })).trim())
  } catch {
    return { unavailable: 'there is no Go on the PATH to build the Collector with' }
  }
  const file = await cachedFile()
  if (existsSync(file)) return { path: file }
  const text = await readFile(manifest, 'utf8')
  const version = /^ {2}version: (\S+)$/m.exec(text)?.[1]
  if (version === undefined) throw new Error(`${manifest} names no version`)
  const folder = `${file}.building-${process.pid}`
  await mkdir(folder, { recursive: true })
  try {
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' }
    say(`the builder, ${version}`)
    const builder = `go.opentelemetry.io/collector/cmd/builder@v${version}`
    await run('go', ['install', builder], { timeoutSeconds: 900, env, ...stop })
    say('the Collector: this takes minutes')
    const own = text.replace(/^dist:$/m, `dist:\n  output_path: ${path.join(folder, 'dist')}`)
    await writeFile(path.join(folder, 'builder.yaml'), own)
    await run(path.join(folder, 'builder'), ['--config', path.join(folder, 'builder.yaml')], {
      timeoutSeconds: 2_400,
      env,
      ...stop,
    })
    // Renamed only when it is whole: a build that was stopped leaves no half a Collector behind.
    await rename(path.join(folder, 'dist/tapescope-collector'), file)
    return { path: file }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function cachedFile(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(manifest))
    .digest('hex')
    .slice(0, 16)
  return path.join(collectorCache(), `collector-${process.arch}-${hash}`)
}

if (import.meta.main) {
  const began = performance.now()
  const built = await buildCollector((line) => process.stdout.write(`${line}\n`))
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  // Without Go nothing is wrong, but nothing is shown either: that must be seen.
  if ('unavailable' in built)
    process.stdout.write(`NOT SHOWN: conformance with the real Collector, for ${built.unavailable}\n`)
  else process.stdout.write(`${built.path}, ${seconds} s\n`)
}
