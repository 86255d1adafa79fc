/** kcat: a consumer of Kafka that shares nothing with ours, for what other programs are to read. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Requirement } from './describe-with.ts';
import { findProgram } from './find-program.ts';

export type ConsumedRecord = { readonly key: string; readonly value: string };

const maxOutputBytes = 64 * 1024 ** 2;

export const kcat: Requirement & {
  /** Everything that a topic has, in the order of each partition. Neither keys nor values may have tabs or line breaks. */
  readonly consume: (broker: string, topic: string) => Promise<ConsumedRecord[]>;
} = {
  name: 'kcat',
  get skipReason() {
    return findProgram('kcat') === null ? 'no kcat on the PATH: install the package kcat' : null;
  },
  consume: async (broker, topic) => {
    const args = ['-b', broker, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k\t%s\n'];
    const { stdout } = await promisify(execFile)('kcat', args, { maxBuffer: maxOutputBytes });
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const [key = '', value = ''] = line.split('\t');
      return { key, value };
    });
  },
};
