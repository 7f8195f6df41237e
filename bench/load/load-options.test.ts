import { expect, test } from 'vitest'
import { loadUsage, readLoadOptions, UsageError } from './load-options.ts'

test('the scenarios are those of the specification', () => {
  const shape = (name: string) => readLoadOptions([name])!.shape
  expect(shape('light')).toEqual({ users: 10, spawnPerSecond: 2, seconds: 120, userClass: 'trading' })
  expect(shape('medium')).toEqual({ users: 50, spawnPerSecond: 5, seconds: 300, userClass: 'trading' })
  expect(shape('heavy')).toEqual({ users: 100, spawnPerSecond: 10, seconds: 300, userClass: 'trading' })
  expect(shape('stress')).toEqual({ users: 200, spawnPerSecond: 20, seconds: 600, userClass: 'heavy' })
})

test('a scale makes the time shorter, nothing else', () => {
  expect(readLoadOptions(['heavy', '--scale', '0.1'])!.shape).toEqual({
    users: 100,
    spawnPerSecond: 10,
    seconds: 30,
    userClass: 'trading',
  })
})

test('a service of somebody else is loaded with its key, and not seeded unasked', () => {
  const options = readLoadOptions(['custom', '--url', 'http://127.0.0.1:8080/', '--key', 'k'])!
  expect(options.target).toEqual({ url: 'http://127.0.0.1:8080', key: 'k', viewer: null })
  expect(options.seedTarget).toBe(false)
})

test.each([
  [[], /name one of light, medium, heavy, stress, custom/],
  [['hard'], /not "hard"/],
  [['toString'], /not "toString"/],
  [['light', 'medium'], /not "light medium"/],
  [['light', '--users', '5'], /--users goes with custom/],
  [['light', '--scale', '0'], /--scale must be a number from 0.01 to 10/],
  [['light', '--scale', 'x'], /not "x"/],
  [['light', '--scale', ''], /--scale must be/],
  [['custom', '--users', '2.5'], /whole number/],
  [['custom', '--arrivals=-1'], /--arrivals must be/],
  [['custom', '--key', 'k'], /--key goes with --url/],
  [['custom', '--seed'], /--seed goes with --url/],
  [['custom', '--url', 'ftp://x'], /http or https URL/],
  [['custom', '--nonsense'], /nonsense/],
])('%j is refused in a sentence', (args, sentence) => {
  expect(() => readLoadOptions(args)).toThrow(UsageError)
  expect(() => readLoadOptions(args)).toThrow(sentence)
})

test('help fits a terminal', () => {
  expect(readLoadOptions(['--help'])).toBeNull()
  for (const line of loadUsage.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})
