import { once } from 'node:events'
import { createServer } from 'node:net'
import { StartError } from './start-error.ts'

/** The sentence for a port that cannot be had. */
export function portError(error: NodeJS.ErrnoException, host: string, port: number): StartError {
  const why =
    error.code === 'EADDRINUSE'
      ? `Port ${port} on ${host} is taken: end what listens there, or choose another with --port (TAPESCOPE_PORT).`
      : `The service cannot listen on ${host}:${port} (${error.code ?? error.message}): choose another with --host and --port.`
  return new StartError(why, { cause: error })
}

/** Asked before anything is started, a taken port costs nothing. @throws StartError when the port cannot be had */
export async function checkPort(host: string, port: number): Promise<void> {
  if (port === 0) return
  const probe = createServer().listen(port, host)
  try {
    await once(probe, 'listening')
  } catch (error) {
    throw portError(error as NodeJS.ErrnoException, host, port)
  }
  probe.close()
  await once(probe, 'close')
}
