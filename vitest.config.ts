import { defineConfig } from 'vitest/config'

const exclude = ['**/node_modules/**', '**/dist/**', 'out/**', '.tapescope/**']

export default defineConfig({
  test: {
    projects: [
      {
        // Fast and offline: what `npm test` runs. A real PostgreSQL counts as fast.
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...exclude, '**/*.system.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Needs parts that only CI installs: Prometheus, Chromium, the Go Collector.
        test: {
          name: 'system',
          include: ['**/*.system.test.ts'],
          exclude,
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
