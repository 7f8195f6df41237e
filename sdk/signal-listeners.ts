const ours = Symbol.for('tapescope.signal-listener')

type Listener = NodeJS.SignalsListener & { [ours]?: true }

/** Marks a listener as one that leaves the decision about the process to the program. */
export function ourListener(listener: NodeJS.SignalsListener): NodeJS.SignalsListener {
  return Object.assign(listener, { [ours]: true as const })
}

/** Whether the program itself handles a signal. */
export const othersListen = (signal: NodeJS.Signals): boolean =>
  process.listeners(signal).some((listener) => (listener as Listener)[ours] !== true)
