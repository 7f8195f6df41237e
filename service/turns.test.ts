import { array, assert, asyncProperty, constantFrom, integer } from 'fast-check'
import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

const never = () => new Error('late')

test('never more at once than there are places, one of a name, everybody in the end', async () => {
  await assert(
    asyncProperty(
      integer({ min: 1, max: 4 }),
      array(constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 30 }),
      async (places, names) => {
        const turns = createTurns(places)
        const running: string[] = []
        let done = 0
        await Promise.all(
          names.map(async (name) => {
            const release = await turns.take(name, 10_000, never)
            expect(running).not.toContain(name)
            running.push(name)
            expect(running.length).toBeLessThanOrEqual(places)
            await Promise.resolve()
            running.splice(running.indexOf(name), 1)
            done++
            release()
          }),
        )
        expect(done).toBe(names.length)
      },
    ),
  )
})

test('who waits too long is sent away, and takes no place later', async () => {
  const turns = createTurns(1)
  const release = await turns.take('a', 10_000, never)
  await expect(turns.take('b', 5, () => new Error('too many'))).rejects.toThrow('too many')
  release()
  const again = await turns.take('c', 10_000, never)
  again()
})

test('who waits can be sent away; who works is not', async () => {
  const turns = createTurns(1)
  const release = await turns.take('a', 10_000, never)
  const waiting = turns.take('b', 10_000, never)
  turns.dismiss(new Error('the database is away'))
  await expect(waiting).rejects.toThrow('the database is away')
  release()
  ;(await turns.take('b', 10_000, never))()
})
