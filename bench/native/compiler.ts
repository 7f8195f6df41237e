import { execFileSync } from 'node:child_process'

/** Whether gcc is on the PATH: budgets against C exist only then. */
export function hasCompiler(): boolean {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
