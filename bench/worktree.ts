import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { run } from './child.ts'
import { git } from './revision.ts'

export interface Worktrees {
  readonly base: string
  readonly head: string
  /** Removes both, whatever state they are in. Idempotent. */
  remove(): Promise<void>
}

/**
 * Checks out two commits of `repository` side by side in a temporary folder, each with its own node_modules: linked
 * from the repository where the lock file is the same, installed by `npm ci` where it is not. Rejects with a sentence
 * when one cannot be checked out or installed; nothing is left behind then.
 */
export async function openWorktrees(
  repository: string,
  commits: { base: string; head: string },
  signal?: AbortSignal,
): Promise<Worktrees> {
  const top = await mkdtemp(path.join(os.tmpdir(), 'tapescope-gate-'))
  const remove = async (): Promise<void> => {
    await rm(top, { recursive: true, force: true, maxRetries: 3 })
    await git(repository, ['worktree', 'prune'])
  }
  try {
    for (const side of ['base', 'head'] as const) {
      const folder = path.join(top, side)
      await git(repository, ['worktree', 'add', '--quiet', '--detach', folder, commits[side]], signal)
      await install(repository, folder, side, signal)
    }
    return { base: path.join(top, 'base'), head: path.join(top, 'head'), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function install(
  repository: string,
  folder: string,
  side: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const wanted = await lockOf(folder)
  if (wanted === undefined) return
  const modules = path.join(repository, 'node_modules')
  const options = { cwd: folder, timeoutSeconds: 600, ...(signal === undefined ? {} : { signal }) }
  if (wanted === (await lockOf(repository)) && existsSync(modules)) {
    // Hard links: as fast as a symlink, but the links to the workspaces inside stay within this worktree.
    const target = path.join(folder, 'node_modules')
    await run('cp', ['-al', modules, target], options).catch(async () => {
      signal?.throwIfAborted()
      await rm(target, { recursive: true, force: true })
      await cp(modules, target, { recursive: true, verbatimSymlinks: true })
    })
    return
  }
  await run('npm', ['ci', '--loglevel=error'], options).catch((error: Error) => {
    signal?.throwIfAborted()
    throw new Error(`the ${side} revision cannot be installed: ${error.message}`, { cause: error })
  })
}

/** Hash of the lock file; undefined where there is none (a project without dependencies). */
async function lockOf(folder: string): Promise<string | undefined> {
  try {
    return createHash('sha256')
      .update(await readFile(path.join(folder, 'package-lock.json')))
      .digest('hex')
  } catch {
    return undefined
  }
}
