// CommonJS, as many a desk's code still is: Node gives it the ES module.
const { startTelemetry, withSpan } = require('@tapescope/sdk')

async function main() {
  const telemetry = await startTelemetry({ serviceName: 'trial' })
  withSpan('work', () => console.log('required'))
  if (!(await telemetry.shutdown())) throw new Error('not all was delivered')
}
void main()
