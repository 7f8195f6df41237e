import { existsSync, readFileSync } from 'node:fs'
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
