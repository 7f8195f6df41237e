import { execFileSync } from 'node:child_process'

/** Commit of the checkout that runs, undefined where there is none or no git. */
export function headRevision(root: string): string | undefined {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5_000,
    }).trim()
  } catch {
    return undefined
  }
}
