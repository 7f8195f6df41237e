import { createRedactor, type Redactor } from './redactor.ts'

const key = Symbol.for('tapescope.redactor.1')
const shared = globalThis as { [key]?: Redactor }

/** The redactor that telemetry was started with, or the strict one while none is. */
export const currentRedactor = (): Redactor =>
  (shared[key] ??= createRedactor({ errorMessages: 'masked', redactKeys: [], captureStatements: false }))

export function setCurrentRedactor(redactor: Redactor): void {
  shared[key] = redactor
}
