import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, isStillRunning, type ProcessIdentity } from './process-identity.ts'
import { StartError } from './start-error.ts'

/** One start per folder: what runs there, so that a second start is refused and a killed one cleared away. */
interface RunLock {
  /** Remembers a process that must not outlive this run. */
  addChild(name: string, pid: number): void
  /** Remembers where this run answers, for the sentence that a second start prints. */
  setUrl(url: string): void
  /** Names of processes of a killed run that were ended. */
  cleared: string[]
  release(): void
}

interface Holder extends ProcessIdentity {
  url?: string
  children: (ProcessIdentity & { name: string })[]
}

/** @throws StartError when a living process holds the folder, or it cannot be written */
export async function acquireRunLock(folder: string): Promise<RunLock> {
  const file = join(folder, 'running.json')
  const holder: Holder = { ...identify(process.pid)!, children: [] }
  const cleared: string[] = []
  try {
    mkdirSync(folder, { recursive: true })
    for (;;) {
      try {
        writeFileSync(file, JSON.stringify(holder), { flag: 'wx' })
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      cleared.push(...(await clear(file)))
    }
  } catch (error) {
    if (error instanceof StartError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new StartError(
      `${folder} cannot be written (${code ?? message}): give it to this user, or name another folder with --data.`,
      { cause: error },
    )
  }
  const save = () => writeFileSync(file, JSON.stringify(holder))
  return {
    cleared,
    addChild(name, pid) {
      const identity = identify(pid)
      if (identity !== undefined) holder.children.push({ ...identity, name })
      save()
    },
    setUrl(url) {
      holder.url = url
      save()
    },
    release: () => rmSync(file, { force: true }),
  }
}

/** Removes the lock of a run that is no more, and ends what it left running. */
async function clear(file: string): Promise<string[]> {
  let holder: Holder
  try {
    holder = JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    // Released in this moment, or cut off while it was written.
    rmSync(file, { force: true })
    return []
  }
  if (isStillRunning(holder)) {
    const where = holder.url === undefined ? '' : ` at ${holder.url}`
    throw new StartError(
      `Tapescope already runs here (process ${holder.pid}${where}): use it, end it, or name another folder with --data.`,
    )
  }
  const left = holder.children.filter(isStillRunning)
  for (const child of left) {
    process.kill(child.pid, 'SIGTERM')
    const deadline = Date.now() + 5_000
    while (isStillRunning(child) && Date.now() < deadline) await sleep(50)
    if (isStillRunning(child)) process.kill(child.pid, 'SIGKILL')
  }
  rmSync(file, { force: true })
  return left.map(({ name }) => name)
}
