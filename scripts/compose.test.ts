import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

/** No Docker engine runs here: what can be known of the compose file without one is checked. */
const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')

interface ComposeService {
  image: string
  build?: unknown
  command?: string[]
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  depends_on?: Record<string, unknown> | string[]
  mem_limit?: string
  profiles?: string[]
  read_only?: boolean
  user?: string
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, ComposeService>
  volumes: Record<string, unknown>
}
const services = Object.entries(compose.services)

test('the parts of the stack are there', () => {
  expect(Object.keys(compose.services)).toEqual(
    expect.arrayContaining(['service', 'postgres', 'collector', 'prometheus', 'jaeger', 'tempo', 'grafana']),
  )
  const scaled = services.filter(([, { profiles = [] }]) => profiles.includes('scale')).map(([name]) => name)
  expect(scaled).toEqual(['agent', 'gateway-1', 'gateway-2'])
})

test.each(services)('%s: a pinned tag, a memory limit, ports on the loopback', (_, service) => {
  expect(service.image).toMatch(/:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/)
  expect(service.mem_limit).toMatch(/^\d+[mg]$/)
  for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
})

test.each(services)('%s: what it mounts exists, what it waits for is a service', (_, service) => {
  for (const volume of service.volumes ?? []) {
    const [source] = volume.split(':')
    const known = source.startsWith('.') ? existsSync(path.join(root, source)) : source in compose.volumes
    expect(known, volume).toBe(true)
    expect(!source.startsWith('.') || volume.endsWith(':ro'), `${volume} is read-only`).toBe(true)
  }
  const waited = Array.isArray(service.depends_on)
    ? service.depends_on
    : Object.keys(service.depends_on ?? {})
  for (const name of waited) expect(compose.services).toHaveProperty(name)
})

test('no password has a default, and each secret is asked for by name', () => {
  const secrets = services.flatMap(([, { environment = {} }]) =>
    Object.entries(environment).filter(([name]) => /PASSWORD|API_KEYS|DATABASE_URL/.test(name)),
  )
  expect(secrets.length).toBeGreaterThanOrEqual(4)
  for (const [name, value] of secrets) expect(value, name).toMatch(/\$\{\w+:\?[^}]+\}/)
})

test('the service and its workers run without rights: not root, a read-only root, no capabilities', () => {
  const text = read('Dockerfile')
  expect(text).toMatch(/^USER node$/m)
  expect(text.match(/^FROM \S+:\d+\.\d+\.\d+-\S+/gm)).toHaveLength(2)
  for (const name of ['service', 'worker', 'collector'])
    expect(compose.services[name]).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
})

test('the image holds what its commands run', () => {
  const copied = [...read('Dockerfile').matchAll(/^COPY (\w[\w.-]*) \1$/gm)].map(([, folder]) => folder)
  expect(copied).toEqual(['engine', 'sdk', 'service'])
  const commands = services.flatMap(([, { build, command }]) => (build && command ? [command] : []))
  for (const [program, file] of [...commands, ['node', 'service/main.ts']]) {
    expect(program).toBe('node')
    expect(existsSync(path.join(root, file)), file).toBe(true)
    expect(copied).toContain(file.split('/')[0])
  }
})

test('every variable for the Collector is one that its files read', () => {
  const files = ['otel-collector.yaml', 'collector/scale-out/agent.yaml'].map(read).join('\n')
  for (const name of ['collector', 'agent', 'gateway-1'])
    for (const variable of Object.keys(compose.services[name].environment ?? {}))
      expect(files, variable).toContain(`\${env:${variable}:-`)
})

test('every target that Prometheus scrapes is a service of the file or an alias of some', () => {
  const names = [...read('collector/prometheus/prometheus.yml').matchAll(/names: \[([^\]]+)\]/g)].flatMap(
    ([, list]) => list.split(', '),
  )
  expect(names).toEqual(['service', 'worker', 'collector', 'gateway', 'collector', 'agent', 'gateway'])
  for (const name of names) expect(name === 'gateway' || name in compose.services, name).toBe(true)
})
