import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const here = import.meta.dirname
const promtool = (...args: string[]) => execFileSync('promtool', args, { cwd: here, encoding: 'utf8' })

test('the scrape configuration and its rules pass promtool', () => {
  expect(promtool('check', 'config', 'prometheus.yml')).toContain('SUCCESS')
})

test('each alert fires when it should and stays silent when idle (promtool test rules)', () => {
  expect(promtool('test', 'rules', 'tests/alerts.test.yml')).toContain('SUCCESS')
})

test('no alert is without a test that sees it fire', () => {
  type Rules = { groups: { rules: { alert?: string; record?: string }[] }[] }
  const alerts = readdirSync(join(here, 'rules')).flatMap((file) =>
    (parse(readFileSync(join(here, 'rules', file), 'utf8')) as Rules).groups.flatMap((group) =>
      group.rules.flatMap((rule) => rule.alert ?? []),
    ),
  )
  type Tests = { tests: { alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[] }[] }
  const { tests } = parse(readFileSync(join(here, 'tests', 'alerts.test.yml'), 'utf8')) as Tests
  const verdicts = tests.flatMap((one) => one.alert_rule_test ?? [])
  for (const alert of new Set(alerts)) {
    const own = verdicts.filter((verdict) => verdict.alertname === alert)
    expect(
      own.some((verdict) => verdict.exp_alerts.length > 0),
      `${alert} fires`,
    ).toBe(true)
    expect(
      own.some((verdict) => verdict.exp_alerts.length === 0),
      `${alert} stays silent`,
    ).toBe(true)
  }
})
