import { expect, test } from 'vitest'
import { readDump } from './count-turns.ts'

test('instructions of code made of JavaScript are told from all others, calls are not counted twice', () => {
  const dump = [
    '# callgrind format',
    'events: Ir',
    'ob=(1) /usr/bin/node',
    'fl=(1) ???',
    'fn=(1) 0x00000000281e3880',
    '0 100',
    '+3 20',
    'cfn=(2) Builtins_LoadIC',
    'calls=7 0',
    '* 5000',
    'fn=(2)',
    '0 30',
    'cfn=(3) v8::internal::Sweeper::RawSweep()',
    'calls=1 0',
    '0 1000',
    'fn=(3)',
    '-2 1000',
    'fn=(1)',
    '0 7',
    '',
    'totals: 1157',
    '',
  ].join('\n')
  expect(readDump(dump)).toEqual({ script: 157, rest: 1000 })
})
