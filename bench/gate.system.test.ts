import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Processes that work inside of `folder`, from /proc. */
async function workingIn(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(ids.map((id) => readlink(`/proc/${id}/cwd`).catch(() => '')))
  return ids.filter((_, index) => folders[index].startsWith(folder))
}

async function waitUntil(holds: () => Promise<boolean>, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    if (await holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a gate stopped by %s ends with 2 and leaves neither worktrees nor processes',
  async (signal) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-stop-'))
    const gate = spawn(
      process.execPath,
      [fileURLToPath(new URL('gate.ts', import.meta.url)), '--self-test', '--quick'],
      { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const closed = once(gate, 'close')
    try {
      let said = ''
      gate.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const measuring = async (): Promise<boolean> =>
        (await readdir(folder)).some((name) => name.startsWith('tapescope-gate-')) &&
        (await workingIn(path.join(folder, 'tapescope-gate-'))).length > 0
      expect(await waitUntil(measuring, 60)).toBe(true)
      gate.kill(signal)
      expect(await closed).toEqual([2, null])
      expect(said).toContain(`gate: stopped by ${signal}`)
      expect(await waitUntil(async () => (await workingIn(folder)).length === 0, 10)).toBe(true)
      expect(await readdir(folder)).toEqual([])
    } finally {
      gate.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  },
)
