// Makes sdk/dist: the package as it is published (`npm publish ./sdk/dist`). In the workspace the package's exports
// are the TypeScript sources, which Node runs; Node runs no TypeScript in node_modules, so what is published holds
// JavaScript and declarations. The package's own modules are joined into few files, which halves the time of an
// import; its dependencies stay outside, since two copies of them would not see each other.
// Run: npm run build -w sdk
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'rolldown'
import { publishedManifest, type Manifest } from './published-manifest.ts'

const sdk = dirname(import.meta.dirname)
const dist = join(sdk, 'dist')
const manifest = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8')) as Manifest
const published = publishedManifest(manifest)

rmSync(dist, { recursive: true, force: true })
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const options = ['-p', join(sdk, 'tsconfig.build.json'), '--emitDeclarationOnly']
execFileSync(process.execPath, [tsc, ...options], { stdio: 'inherit' })

/** Files that a program names by path: exports, commands, and what those load in other processes and threads. */
const entries = [
  ...Object.values(manifest.exports),
  ...Object.values(manifest.bin),
  './profile-register.ts',
  './profile-sampler.ts',
  './doctor/doctor-register.ts',
].filter((file) => file.endsWith('.ts'))
await build({
  cwd: sdk,
  // Modules find those others beside themselves, so all but nested exports lie at the top.
  input: Object.fromEntries(
    entries.map((file) => [file.replace(/^\.\/(?:doctor\/)?/, '').replace(/\.ts$/, ''), file]),
  ),
  platform: 'node',
  external: /^[^./]/,
  logLevel: 'warn',
  output: { dir: dist, format: 'esm', chunkFileNames: 'chunk-[name]-[hash].js' },
})
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
for (const bin of Object.values(published.bin)) chmodSync(join(dist, bin), 0o755)
copyFileSync(join(sdk, 'README.md'), join(dist, 'README.md'))
for (const file of ['LICENSE', 'NOTICE']) copyFileSync(join(dirname(sdk), file), join(dist, file))
