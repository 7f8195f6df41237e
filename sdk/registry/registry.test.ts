import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { packageVersion } from '../package-version.ts'
import { readRegistry } from './read-registry.ts'
import { renderMetricTable } from './render-metric-table.ts'
import { renderTelemetryPage } from './render-telemetry-page.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

it('has no stale generated file (npm run generate -w sdk)', () => {
  const registry = readRegistry()
  expect(read('../metric-table.ts')).toBe(renderMetricTable(registry))
  expect(read('../../docs/telemetry.md')).toBe(renderTelemetryPage(registry))
})

it('carries the version of its package', () => {
  expect(JSON.parse(read('../package.json'))).toMatchObject({ version: packageVersion })
})
