import { workerData } from 'node:worker_threads'
import { withCarriedContext, withSpan } from '@tapescope/sdk'
withCarriedContext(workerData, () => withSpan('in worker', () => 1))
