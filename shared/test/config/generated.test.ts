import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generated } from '../../src/config/generate.ts';

const root = join(import.meta.dirname, '../../..');

describe('what is made from the schemas', () => {
  it.each(generated().map(([file, text]) => ({ file, text })))('$file is up to date', ({ file, text }) => {
    expect(existsSync(join(root, file))).toBe(true);
    expect(readFileSync(join(root, file), 'utf8')).toBe(text);
  });
});
