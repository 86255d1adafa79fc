/** Tests that must hold whatever kind of server keeps the rows. */
import { describeWith } from '@fieldline/shared/testing';
import { afterEach, beforeEach } from 'vitest';
import { type Line, openLine, type Server, servers } from './line.ts';

export type EachLineOptions = {
  /** A processor runs before the test begins. */
  readonly started: boolean;
  /** All of them, unless what keeps the rows tells nothing more. */
  readonly on?: readonly Server[];
};

/**
 * A suite for each kind of server; every test of it has a line of its own, which is closed when the test is over.
 * `title`: of the suite, up to the name of the server.
 * `tests`: they are given the line of the test that runs.
 */
export function describeEachLine(
  title: string,
  { started, on = servers }: EachLineOptions,
  tests: (line: Line, server: Server['name']) => void,
): void {
  for (const { name, requirement, open } of on) {
    describeWith(requirement, `${title} ${name}`, () => {
      let current: Line | undefined;
      beforeEach(async () => {
        current = await openLine(await open());
        if (started) await current.start();
      });
      afterEach(async () => {
        await current?.close();
        current = undefined;
      });
      tests(
        lineOf(() => current),
        name,
      );
    });
  }
}

/** A line that is another one for each test. */
function lineOf(current: () => Line | undefined): Line {
  const now = (): Line => {
    const line = current();
    if (line === undefined) throw new Error('a line is there while a test runs, not while the tests are named');
    return line;
  };
  return {
    get config() {
      return now().config;
    },
    get backbone() {
      return now().backbone;
    },
    get health() {
      return now().health;
    },
    get acks() {
      return now().acks;
    },
    start: () => now().start(),
    send: (...records) => now().send(...records),
    query: (sql, values) => now().query(sql, values),
    settled: () => now().settled(),
    close: () => now().close(),
  };
}
