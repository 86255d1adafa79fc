import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

/** After the summary: every skip with its reason, and the closing line `N passed, N failed, N skipped`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const reasons = new Set<string>();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') count[state] += 1;
        else count.skipped += 1;
        const note = noteOf(test);
        if (note !== undefined) reasons.add(`skipped: ${module.relativeModuleId}: ${test.name}: ${note}`);
      }
      for (const suite of module.children.allSuites()) {
        const reason = skipReasonOf(suite);
        if (reason !== undefined) reasons.add(`skipped: ${module.relativeModuleId}: ${suite.name}: ${reason}`);
        if (suite.state() === 'failed') count.failed += suite.errors().length;
      }
      count.failed += module.errors().length;
    }
    for (const reason of reasons) process.stdout.write(`${reason}\n`);
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }
}

const skipReasonOf = (suite: TestSuite): string | undefined => suite.meta().skipReason;

/** What a test gave as its reason when it skipped itself. */
function noteOf(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === 'skipped' ? result.note : undefined;
}
