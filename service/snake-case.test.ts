import {
  array,
  assert,
  boolean,
  dictionary,
  integer,
  oneof,
  property,
  string,
  stringMatching,
} from 'fast-check'
import { expect, test } from 'vitest'
import { camelCase, snakeCase } from './snake-case.ts'

test('keys of all depths are renamed, values stay', () => {
  const value = {
    rMultiple: 2,
    nested: [{ campaignId: 'camelStays' }, null, 3],
    plain: new Float64Array([1, 2]),
  }
  expect(snakeCase(value)).toEqual({
    r_multiple: 2,
    nested: [{ campaign_id: 'camelStays' }, null, 3],
    plain: { 0: 1, 1: 2 },
  })
  expect(snakeCase(new Float64Array([1, 2]))).toEqual([1, 2])
})

test('there and back: JSON of camelCase keys comes back, more names than are remembered too', () => {
  const key = stringMatching(/^[a-z]+([A-Z][a-z]+){0,3}$/)
  assert(
    property(dictionary(key, oneof(integer(), string(), array(boolean()))), (value) => {
      expect(camelCase(snakeCase(value))).toEqual({ ...value })
    }),
  )
  for (let i = 0; i < 3_000; i++)
    expect(snakeCase({ [`aB${'x'.repeat(i % 7)}C${i}`]: i })).toEqual({
      [`a_b${'x'.repeat(i % 7)}_c${i}`]: i,
    })
})

test('a key that objects treat differently is an ordinary key', () => {
  const hostile = JSON.parse('{"__proto__": {"isAdmin": true}, "constructor": 1}') as unknown
  const renamed = snakeCase(hostile) as Record<string, unknown>
  expect(JSON.stringify(renamed)).toBe('{"__proto__":{"is_admin":true},"constructor":1}')
  expect(Object.getPrototypeOf(renamed)).toBe(Object.prototype)
})
