// Runs the test beside it, as `npx vitest run` would in a project of yours.
import { startVitest } from 'vitest/node'

const vitest = await startVitest('test', [], {
  root: import.meta.dirname,
  config: false,
  watch: false,
  reporters: ['verbose'],
})
await vitest.close()
