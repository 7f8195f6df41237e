import { run } from './child.ts'

/** Output of a git command in `repository`, trimmed. Rejects with git's own words. */
export async function git(
  repository: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const options = { cwd: repository, timeoutSeconds: 120, ...(signal === undefined ? {} : { signal }) }
  return (await run('git', args, options)).trim()
}

export async function currentRevision(repository: string): Promise<{ commit: string; dirty: boolean }> {
  try {
    const commit = await git(repository, ['rev-parse', 'HEAD'])
    return { commit, dirty: (await git(repository, ['status', '--porcelain'])) !== '' }
  } catch {
    return { commit: 'unknown', dirty: true }
  }
}
