const registry = new FinalizationRegistry<() => void>((act) => act())

/** Calls `act`, which must not hold `object`, once nobody can reach `object` any more. The answer calls that off. */
export function whenForgotten(object: object, act: () => void): () => void {
  const token = {}
  registry.register(object, act, token)
  return () => void registry.unregister(token)
}
