import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from '../child.ts'
import { collectorCache, type Built } from './collector-binary.ts'

/** Jaeger 2 is built from this version of its module (the first digit is the module's, not the product's). */
const version = 'v1.76.0'
const binary = path.join(collectorCache(), `jaeger-${process.arch}-${version}`)

export function builtJaeger(): Built {
  if (existsSync(binary)) return { path: binary }
  return {
    unavailable: 'Jaeger has not been built here (npm run jaeger:build, which needs Go and some minutes)',
  }
}

/**
 * Builds Jaeger from its module. `go install` refuses a module with replace directives, so a module of our own takes
 * over its requirements and replacements, and builds its command.
 */
async function buildJaeger(): Promise<Built> {
  if (existsSync(binary)) return { path: binary }
  const module = 'github.com/jaegertracing/jaeger'
  const folder = `${binary}.building-${process.pid}`
  await mkdir(folder, { recursive: true })
  const options = { cwd: folder, timeoutSeconds: 2_400, env: { ...process.env, GOFLAGS: '-mod=mod' } }
  try {
    const { Dir } = JSON.parse(
      await run('go', ['mod', 'download', '-json', `${module}@${version}`], { ...options, cwd: '/' }),
    ) as { Dir: string }
    const requirements = await readFile(path.join(Dir, 'go.mod'), 'utf8')
    await writeFile(path.join(folder, 'go.mod'), requirements.replace(/^module .*$/m, 'module build'))
    await copyFile(path.join(Dir, 'go.sum'), path.join(folder, 'go.sum'))
    await run('go', ['mod', 'edit', `-require=${module}@${version}`], options)
    const output = path.join(folder, 'jaeger')
    await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', output, `${module}/cmd/jaeger`], options)
    await rename(output, binary)
    return { path: binary }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const began = performance.now()
  const built = await buildJaeger()
  process.stdout.write(`${JSON.stringify(built)}, ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
}
