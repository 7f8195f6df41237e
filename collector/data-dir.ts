import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface DataDir {
  readonly path: string
  release(): void
}

/**
 * Takes a folder for this process alone; undefined when a living process has it or it cannot be written to. A
 * lock left behind by a process that was killed is taken over.
 */
export function takeDataDir(path: string): DataDir | undefined {
  const lock = join(path, 'lock')
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        writeFileSync(lock, String(process.pid), { flag: 'wx', mode: 0o600 })
        return { path, release: () => rmSync(lock, { force: true }) }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        if (isAlive(Number(readFileSync(lock, 'utf8')))) return undefined
        rmSync(lock, { force: true })
      }
    }
  } catch {
    return undefined
  }
  return undefined
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
