import { readFileSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { dashboardFile, dashboardJson } from './generate.ts'
import { dashboards } from './panels.ts'

test.each(dashboards.map((dashboard) => [dashboard.uid, dashboard] as const))(
  '%s.json is what `node collector/grafana/generate.ts` writes',
  (_, dashboard) => {
    expect(readFileSync(dashboardFile(dashboard), 'utf8')).toBe(dashboardJson(dashboard))
  },
)

test('no dashboard file is left over', () => {
  const files = readdirSync(`${import.meta.dirname}/dashboards`).toSorted()
  expect(files).toEqual(dashboards.map((dashboard) => basename(dashboardFile(dashboard))).toSorted())
})

test('every panel says what it shows, and no two queries of a panel look alike in the legend', () => {
  for (const panel of dashboards.flatMap((dashboard) => dashboard.panels)) {
    expect(panel.description.length, panel.title).toBeGreaterThan(20)
    expect(new Set(panel.queries.map((query) => query.legend)).size, panel.title).toBe(panel.queries.length)
  }
})
