import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes, FieldlineError, isFieldlineError, qualities } from '@fieldline/shared/contracts';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const sources = globSync('{shared,edge-agent,cloud-ingest,simulators,deploy}/**/*.ts', {
  cwd: root,
  exclude: (name) => name === 'node_modules' || name === 'test',
})
  .filter((file) => !/contracts\/(errors|quality)\.ts$/.test(file))
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');

describe('the closed list of errors', () => {
  it.each(Object.keys(errorCodes))('%s is thrown or given somewhere', (code) => {
    expect(sources.includes(`'${code}'`)).toBe(true);
  });

  it('says whether a later try may succeed', () => {
    expect(new FieldlineError('database/unreachable', 'x').retryable).toBe(true);
    expect(new FieldlineError('settings/invalid', 'x').retryable).toBe(false);
  });

  it('is told from other errors by its code, never by its message', () => {
    const error = new FieldlineError('port/in-use', 'x');
    expect(isFieldlineError(error, 'port/in-use')).toBe(true);
    expect(isFieldlineError(error, 'broker/refused')).toBe(false);
    expect(isFieldlineError(new Error('port/in-use'))).toBe(false);
  });
});

describe('the closed list of qualities', () => {
  it('gives no code a second meaning, and each class its hundred', () => {
    const codes = Object.values(qualities).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    for (const [name, { code }] of Object.entries(qualities)) {
      expect(name.split('/')[0]).toBe(code < 100 ? 'good' : code < 200 ? 'uncertain' : 'bad');
    }
  });
});
