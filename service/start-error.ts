/**
 * Something the person who started this can repair. `message` is the whole story in one sentence, so it is
 * printed without a stack and the process exits with code 1.
 */
export class StartError extends Error {
  override readonly name = 'StartError'
}
