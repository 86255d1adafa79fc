import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { edgeSchema, parseConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';

test('the Modbus device of the README is a valid one', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const sample = /## Reading Modbus\n\n```yaml\n(.*?)```/s.exec(text)?.[1] ?? '';
  const settings = `gateway: g1\nuplink: { broker: 'mqtt://127.0.0.1' }\ndevices:\n${sample}`;
  expect(parseConfig(edgeSchema, settings, 'README.md').devices).toMatchObject([{ device: 'main-meter' }]);
});
