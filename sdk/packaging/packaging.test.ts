import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { renderConfigurationPage } from '../config/configuration-page.ts'
import { renderApiReference } from './api-reference.ts'
import { publishedManifest, type Manifest } from './published-manifest.ts'

const sdk = dirname(import.meta.dirname)
const page = (name: string): string => readFileSync(join(dirname(sdk), 'docs', name), 'utf8')
const manifest = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8')) as Manifest

it('has no stale page made from the code (npm run docs -w sdk)', () => {
  expect(page('configuration.md')).toBe(renderConfigurationPage())
  expect(page('api.md')).toBe(renderApiReference())
})

it('has a docstring on every function, class and constant', () => {
  const undocumented = [...page('api.md').matchAll(/^### (\w+)\n\n```ts\n(?:function|class|const) /gm)].map(
    ([, name]) => name,
  )
  expect(undocumented).toEqual([])
})

it('publishes what the workspace exports, as JavaScript with types', () => {
  const { exports, bin, scripts, devDependencies } = publishedManifest(manifest)
  expect(Object.keys(exports)).toEqual(Object.keys(manifest.exports))
  expect(exports['./testing']).toEqual({ types: './testing/index.d.ts', default: './testing/index.js' })
  expect(bin).toEqual({ tapescope: './cli.js' })
  expect({ scripts, devDependencies }).toEqual({})
  for (const file of Object.values(manifest.exports)) expect(existsSync(join(sdk, file))).toBe(true)
})

it('is used by the service, and so by npm start, and by the examples through its exports alone', () => {
  const root = dirname(sdk)
  const files = ['service', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|mjs|js)$/.test(name) && !/(^|\/)(node_modules|dist)\//.test(name))
      .map((name) => join(root, folder, name)),
  )
  const used = new Set<string>()
  for (const file of files) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/['"`]([^'"`\n]*\bsdk\b[^'"`\n]*)['"`]/g)) {
      if (/^@tapescope\/sdk(\/|$)/.test(path)) used.add(path.replace('@tapescope/sdk', '.'))
      // A path that leads into the folder, of an import, a worker or a program to start.
      else if (/^\.{1,2}\//.test(path) && join(dirname(file), path).startsWith(`${sdk}/`))
        throw new Error(`${file} reaches into the SDK: ${path}`)
    }
  }
  expect(used).toContain('.')
  expect([...used].filter((path) => !(path in manifest.exports))).toEqual([])
})
