/**
 * Writes the Grafana dashboards from the panels: `node collector/grafana/generate.ts`. A test fails when the files
 * on disk are not what this writes.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as grafana from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { dashboards, type Dashboard, type Panel } from './panels.ts'

export const dashboardFile = ({ uid }: Dashboard) => join(import.meta.dirname, 'dashboards', `${uid}.json`)

export function dashboardJson(dashboard: Dashboard): string {
  const builder = new grafana.DashboardBuilder(dashboard.title)
    .uid(dashboard.uid)
    .description(dashboard.description)
    .tags(['tapescope'])
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .readonly()
  for (const panel of dashboard.panels) builder.withPanel(panelBuilder(panel))
  return JSON.stringify(builder.build(), null, 2) + '\n'
}

function panelBuilder(panel: Panel): PanelBuilder {
  const builder = new PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .unit(panel.unit)
    .datasource({ type: 'prometheus', uid: 'tapescope-prometheus' })
    .height(8)
    .span(12)
    .min(0)
    .lineWidth(2)
    .fillOpacity(panel.stacked ? 30 : 8)
    .showPoints(common.VisibilityMode.Never)
    .noValue('nothing in this period')
  if (panel.stacked) builder.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal))
  if (panel.threshold !== undefined) {
    builder
      .thresholds(
        new grafana.ThresholdsConfigBuilder().mode(grafana.ThresholdsMode.Absolute).steps([
          // The base step has no lower end; Grafana writes it as null.
          { value: null, color: 'green' },
          { value: panel.threshold, color: 'red' },
        ]),
      )
      .thresholdsStyle(
        new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
      )
  }
  for (const [index, query] of panel.queries.entries()) {
    const target = new DataqueryBuilder()
      .refId(String.fromCodePoint(65 + index))
      .expr(query.expr)
      .legendFormat(query.legend)
      .range()
    if (query.exemplar) target.exemplar(true)
    builder.withTarget(target)
  }
  return builder
}

if (import.meta.main) {
  for (const dashboard of dashboards) writeFileSync(dashboardFile(dashboard), dashboardJson(dashboard))
}
