// node --import @tapescope/sdk/register app.js: telemetry without a line of code. A configuration that cannot be meant is
// told on stderr, and the program runs without telemetry: observing must not keep it from starting.
import { startTelemetry } from './start-telemetry.ts'

try {
  await startTelemetry()
} catch (error) {
  process.stderr.write(`tapescope: no telemetry: ${error instanceof Error ? error.message : String(error)}\n`)
}
