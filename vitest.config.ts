import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['*/test/**/*.test.ts'],
    globalSetup: ['shared/src/testing/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // One more than the cores of the machine that all must run on: most tests wait for servers more than they compute.
    maxWorkers: 3,
    reporters: ['default', './shared/src/testing/reporter.ts'],
  },
});
