// Makes sdk/dist: the package as it is published (`npm publish ./sdk/dist`). In the workspace the package's exports
// are the TypeScript sources, which Node runs; Node runs no TypeScript in node_modules, so what is published holds
// JavaScript and declarations. Run: npm run build -w sdk
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { publishedManifest, type Manifest } from './published-manifest.ts'

const sdk = dirname(import.meta.dirname)
const dist = join(sdk, 'dist')
rmSync(dist, { recursive: true, force: true })
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
execFileSync(process.execPath, [tsc, '-p', join(sdk, 'tsconfig.build.json')], { stdio: 'inherit' })
const manifest = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8')) as Manifest
const published = publishedManifest(manifest)
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
for (const bin of Object.values(published.bin)) chmodSync(join(dist, bin), 0o755)
copyFileSync(join(sdk, 'README.md'), join(dist, 'README.md'))
copyFileSync(join(dirname(sdk), 'LICENSE'), join(dist, 'LICENSE'))
