// Makes collector/dist: the package as it is published (`npm publish ./collector/dist`). Node runs no TypeScript in
// node_modules, so it holds JavaScript, the configuration that runs when none is named, and the viewer's page when
// that has been built. Run: npm run build -w collector
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

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
copyFileSync(join(root, 'LICENSE'), join(dist, 'LICENSE'))
const page = join(here, 'ui', 'dist')
if (existsSync(page)) cpSync(page, join(dist, 'ui', 'dist'), { recursive: true })
else process.stderr.write('the viewer page has not been built: the package serves its API only\n')
