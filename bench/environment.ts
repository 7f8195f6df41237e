import { readFile } from 'node:fs/promises'
import os from 'node:os'
import { config } from './config.ts'

export interface Environment {
  readonly node: string
  readonly v8: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly freeMemoryGb: number
  /** One-minute load average when the run began. */
  readonly load: number
  /** Of core 0; null where the system does not tell (containers, virtual machines). */
  readonly governor: string | null
  /** Key under which results of equal machines are compared over time. */
  readonly machineClass: string
  /** What makes figures of this machine doubtful now, as sentences. */
  readonly warnings: readonly string[]
}

export async function inspectEnvironment(): Promise<Environment> {
  const cpu = os.cpus()[0]?.model.trim().replaceAll(/\s+/g, ' ') ?? 'unknown'
  const cores = os.availableParallelism()
  const memoryGb = Math.round(os.totalmem() / 2 ** 30)
  const known = {
    node: process.version,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch} ${os.release()}`,
    cpu,
    cores,
    memoryGb,
    freeMemoryGb: Math.round(((await availableMemory()) / 2 ** 30) * 10) / 10,
    load: Math.round(os.loadavg()[0] * 100) / 100,
    governor: await governor(),
    machineClass: machineClass(cpu, cores, memoryGb, process.versions.node),
  }
  return { ...known, warnings: environmentWarnings(known) }
}

/** The machine's class: processor, cores, memory and Node's major version, as one word that may be a file name. */
export function machineClass(cpu: string, cores: number, memoryGb: number, node: string): string {
  const name = cpu
    .toLowerCase()
    .replaceAll(/\((r|tm)\)|@.*$/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return `${name}-${cores}c-${memoryGb}g-node${node.split('.')[0]}`
}

export function environmentWarnings(
  known: Pick<Environment, 'governor' | 'freeMemoryGb' | 'load' | 'cores'>,
): string[] {
  const limits = config.environment
  const warnings: string[] = []
  if (known.governor !== null && known.governor !== 'performance')
    warnings.push(
      `The CPU governor is ${known.governor}, not performance: the clock may change during a run.`,
    )
  if (known.freeMemoryGb < limits.minFreeMemoryGb)
    warnings.push(`${known.freeMemoryGb} GB of memory are free; a run wants ${limits.minFreeMemoryGb} GB.`)
  if (known.load > known.cores * limits.maxLoadPerCore)
    warnings.push(
      `The load is ${known.load} on ${known.cores} cores; above ${known.cores * limits.maxLoadPerCore} others disturb the times.`,
    )
  return warnings
}

async function governor(): Promise<string | null> {
  try {
    return (await readFile('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8')).trim()
  } catch {
    return null
  }
}

/** Linux counts caches that it would give back as available; elsewhere only free memory is known. */
async function availableMemory(): Promise<number> {
  try {
    const match = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'))
    return match === null ? os.freemem() : Number(match[1]) * 1024
  } catch {
    return os.freemem()
  }
}
