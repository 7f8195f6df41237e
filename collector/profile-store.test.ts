import { expect, test } from 'vitest'
import { ProfileStore } from './profile-store.ts'

const span = { traceId: '0'.repeat(31) + '1', spanId: '00000000000000aa', name: 'run' }
const document = {
  format: 'tapescope.profile/1',
  service: 'engine',
  frames: [{ name: 'main', file: 'a.ts', line: 1 }, { name: '<img src=x onerror=alert(1)>' }],
  stacks: { parent: [-1, 0], frame: [0, 1] },
  samples: { timeUs: [0, 1000, 2000], weightUs: [1000, 900, 1100], stack: [0, 1, 1], span: [-1, 0, 0] },
  spans: [span],
}

test('the samples of one span come back as a weighted profile, none of another', () => {
  const store = new ProfileStore()
  expect(store.add(JSON.stringify(document))).toBeUndefined()
  const found = store.speedscope('run', (one) => one.spanId === span.spanId)
  expect(found?.profiles[0]).toMatchObject({
    weights: [900, 1100],
    samples: [
      [0, 1],
      [0, 1],
    ],
    endValue: 2000,
  })
  expect(store.speedscope('other', (one) => one.spanId === 'bb')).toBeUndefined()
})

test('a broken profile is refused by name', () => {
  const store = new ProfileStore()
  expect(store.add('{')).toBe('the body is not JSON')
  expect(store.add('{}')).toMatch(/^format/)
  const circle = { ...document, stacks: { parent: [1, 0], frame: [0, 1] } }
  expect(store.add(JSON.stringify(circle))).toBe('stacks.parent: a parent stands after its child')
  const lost = { ...document, samples: { ...document.samples, stack: [0, 9, 1] } }
  expect(store.add(JSON.stringify(lost))).toBe('samples.stack: no such stack')
})

test('the oldest profiles go first', () => {
  const text = JSON.stringify(document)
  const store = new ProfileStore(text.length * 2)
  for (let i = 0; i < 5; i += 1) store.add(text)
  expect(store.speedscope('run', () => true)?.profiles[0]?.weights.length).toBe(4)
})
