import type { WriteStream } from 'node:tty'

export interface Progress {
  show: (what: string) => void
  /** Clears the line; may be called any number of times. */
  done: () => void
}

/** One line that changes while work goes on; nothing at all where nobody watches, in a pipe or a file. */
export function createProgress(stream: WriteStream): Progress {
  if (!stream.isTTY) return { show: () => undefined, done: () => undefined }
  let shown = false
  return {
    show(what) {
      shown = true
      stream.write(`\r\u001B[2K${what}...`)
    },
    done() {
      if (shown) stream.write('\r\u001B[2K')
      shown = false
    },
  }
}
