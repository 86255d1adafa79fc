import { defineConfig } from 'vitest/config';
import LongFirst from './shared/src/testing/long-first.ts';

export default defineConfig({
  test: {
    include: ['*/test/**/*.test.ts'],
    globalSetup: ['shared/src/testing/global-setup.ts'],
    // Of a busy machine: what fails says so long before, and what succeeds does not wait.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Twice the cores of the machine that all must run on: most tests wait for servers more than they compute.
    maxWorkers: 4,
    sequence: { sequencer: LongFirst },
    reporters: ['default', './shared/src/testing/reporter.ts'],
  },
});
