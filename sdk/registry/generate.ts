// Writes what is made from the registry: the metric table with its types, and docs/telemetry.md.
// Run: npm run generate -w sdk. A test fails when a file is not what this would write.
import { writeFileSync } from 'node:fs'
import { renderMetricTable } from './render-metric-table.ts'
import { renderTelemetryPage } from './render-telemetry-page.ts'
import { readRegistry } from './read-registry.ts'

const registry = readRegistry()
writeFileSync(new URL('../metric-table.ts', import.meta.url), renderMetricTable(registry))
writeFileSync(new URL('../../docs/telemetry.md', import.meta.url), renderTelemetryPage(registry))
