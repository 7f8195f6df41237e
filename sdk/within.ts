/** Waits for `work`, but no longer than `deadlineMs`; never rejects. True when it ended well in time. */
export async function within(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), deadlineMs)
  work.then(
    () => resolve(true),
    () => resolve(false),
  )
  const ended = await promise
  clearTimeout(timer)
  return ended
}
