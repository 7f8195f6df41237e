import { settingTable } from './settings.ts'

/** The configuration reference as Markdown, made from the table of settings. */
export function renderConfigurationPage(): string {
  const rows = Object.entries(settingTable).map(([name, { env, fallback, about }]) => {
    const variables = env.map((one) => `\`${one.name}\``).join(', ')
    const value =
      fallback === undefined
        ? ''
        : `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``
    return `| \`${name}\` | ${variables} | ${value} | ${about} |\n`
  })
  return `# Configuration of the SDK

<!-- Made from sdk/config/settings.ts by \`npm run docs -w sdk\`; a test fails when it is stale. -->

Code (\`startTelemetry({ name: value })\`) comes before the environment, that before the declarative file, that before
the default. \`npx tapescope config\`, or \`await telemetry.configuration()\`, shows what is in effect and where each value
comes from; values of headers and passwords in URLs are masked.

- A variable that cannot be meant is left out, with a warning on stderr that does not repeat its value, as the
  specification asks. So is an \`OTEL_\` variable that nobody knows; the warning names the nearest one.
- An unknown option in code, or an unknown key in the file, is refused with its name and place. \`startTelemetry\` throws;
  \`--import @tapescope/sdk/register\` says so on stderr and the program runs without telemetry.
- OTLP goes over HTTP, as protobuf or JSON. gRPC is refused with a sentence, not replaced in silence.
- Unlike the specification, metrics and log records are not sent unless asked for: metrics are served for Prometheus to
  scrape, and must not arrive twice; logs are lines. With a file, variables still count.

## The declarative file

\`OTEL_CONFIG_FILE\` names a file in OpenTelemetry's [declarative format](https://opentelemetry.io/docs/specs/otel/configuration/)
1.x. It is read, its \`\${VARIABLE:-default}\` substituted and checked against the schema by \`@opentelemetry/configuration\`. What
this SDK does not have (gRPC, views, composite samplers) is refused with its place. Its own settings:

\`\`\`yaml
file_format: '1.0'
tracer_provider:
  processors:
    - batch: { exporter: { otlp_http: { endpoint: 'http://collector:4318/v1/traces' } } }
  sampler: { parent_based: { root: { trace_id_ratio_based: { ratio: 0.25 } } } }
distribution:
  tapescope: { deadline_ms: 3000, queue_bytes: 20000000, redact_keys: [account], error_messages: none, handle_signals: true, capture_statements: false }
\`\`\`

## Settings

| in code | variables | default | |
|---|---|---|---|
${rows.join('')}`
}
