import { ProxyTracerProvider, trace } from '@opentelemetry/api'

const nobody = new ProxyTracerProvider().getDelegate()

/** Whether anybody has registered a tracer provider. Cheap enough to ask on every call. */
export function tracingOn(): boolean {
  const provider = trace.getTracerProvider()
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== nobody
}
