import { describe, test } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Why a suite was skipped: the reporter prints it in the summary. */
    skipReason?: string;
  }
}

/** What a suite needs of the machine. */
export type Requirement = {
  /** As FIELDLINE_REQUIRE names it. */
  readonly name: string;
  /** null where the machine has it; else what is missing, and how to get it. */
  readonly skipReason: string | null;
};

/**
 * `describe` for tests that need a server which not every machine has: skipped, with its reason in the summary, where the
 * server is missing, and failed where FIELDLINE_REQUIRE says that it must be there.
 */
export function describeWith(requirements: Requirement | readonly Requirement[], name: string, fn: () => void): void {
  const needed = 'name' in requirements ? [requirements] : requirements;
  const missing = needed.filter((requirement) => requirement.skipReason !== null);
  if (missing.length === 0) {
    describe(name, fn);
    return;
  }
  const reason = missing.map((requirement) => `${requirement.name}: ${requirement.skipReason}`).join('; ');
  if (missing.some((requirement) => isRequired(requirement.name, process.env.FIELDLINE_REQUIRE ?? ''))) {
    describe(name, () => {
      test('runs, because FIELDLINE_REQUIRE says so', () => {
        throw new Error(`missing on this machine: ${reason}`);
      });
    });
    return;
  }
  describe.skip(name, { meta: { skipReason: reason } }, fn);
}

/** `rule`: empty, `all`, `all-but-<name>` or `all-but-<name>,<name>`. */
export function isRequired(name: string, rule: string): boolean {
  if (rule === '') return false;
  if (rule === 'all') return true;
  if (rule.startsWith('all-but-')) return !rule.slice('all-but-'.length).split(',').includes(name);
  throw new Error(`FIELDLINE_REQUIRE is ${JSON.stringify(rule)}; it must be all, all-but-<name> or empty`);
}
