// Makes collector/dist: the package as it is published (`npm publish ./collector/dist`). Node runs no TypeScript in
// node_modules, so it holds JavaScript, the configuration that runs when none is named, and the viewer's page with the
// licences of what is built into it. Run: npm run build -w collector
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ensurePage } from './ensure-page.ts'

const here = import.meta.dirname
const root = dirname(here)
const dist = join(here, 'dist')
rmSync(dist, { recursive: true, force: true })
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
execFileSync(process.execPath, [tsc, '-p', join(here, 'tsconfig.build.json')], { stdio: 'inherit' })

const manifest = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as Record<string, unknown>
const { scripts: _scripts, devDependencies: _devDependencies, ...published } = manifest
published['bin'] = { 'tapescope-collector': './main.js' }
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
chmodSync(join(dist, 'main.js'), 0o755)
copyFileSync(join(root, 'otel-collector.yaml'), join(dist, 'otel-collector.yaml'))
copyFileSync(join(here, 'local.yaml'), join(dist, 'local.yaml'))
copyFileSync(join(here, 'README.md'), join(dist, 'README.md'))
for (const file of ['LICENSE', 'NOTICE']) copyFileSync(join(root, file), join(dist, file))

const page = join(here, 'ui', 'dist')
const wrong = await ensurePage(page)
if (wrong !== undefined) throw new Error(wrong)
cpSync(page, join(dist, 'ui', 'dist'), { recursive: true })
const speedscope = readFileSync(join(page, 'speedscope', 'LICENSE.txt'), 'utf8')
const licenses = [
  '# Licences of what the viewer holds',
  readFileSync(join(page, 'licenses.md'), 'utf8').replace(/^# .*\n+/, ''),
  `## speedscope (MIT)\n\nIts package carries no texts for the libraries that it is itself built of.\n\n${speedscope}`,
]
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.md'), `${licenses.map((part) => part.trim()).join('\n\n')}\n`)
