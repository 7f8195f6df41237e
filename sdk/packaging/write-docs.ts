// Writes docs/api.md and docs/configuration.md. Run: npm run docs -w sdk. A test fails when a page is not what this would write.
import { writeFileSync } from 'node:fs'
import { renderConfigurationPage } from '../config/configuration-page.ts'
import { renderApiReference } from './api-reference.ts'

writeFileSync(new URL('../../docs/api.md', import.meta.url), renderApiReference())
writeFileSync(new URL('../../docs/configuration.md', import.meta.url), renderConfigurationPage())
