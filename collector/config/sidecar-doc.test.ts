import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SIDECAR_DOC, sidecarDoc } from './sidecar-doc.ts'

test('docs/sidecar.md is what the shapes say; `npx node collector/config/sidecar-doc.ts` writes it', () => {
  expect(readFileSync(SIDECAR_DOC, 'utf8')).toBe(sidecarDoc())
})
