import type { Hono } from 'hono'
import { generateSpecs } from 'hono-openapi'
import { securitySchemes } from './define-route.ts'

/** OpenAPI 3.1 of every route of `app`, from the schemas that validate its requests. */
export function openApiDocument(app: Hono, version: string) {
  return generateSpecs(app, {
    documentation: {
      openapi: '3.1.0',
      info: {
        title: 'Tapescope',
        version,
        description:
          'Wyckoff signals and backtests on stored bars. Fields are snake_case, times ISO 8601 in UTC; every failure ' +
          'is an application/problem+json with the trace that tells more.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: { securitySchemes },
    },
    // It documents itself, although its path looks like a file's.
    excludeStaticFile: false,
    // Ours are documented where they are made.
    defaultValidationErrorResponse: false,
  })
}
