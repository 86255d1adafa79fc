import { spawnSync } from 'node:child_process';
import { describeWith, type Requirement } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { isBelieved, systemBoot } from '../../../src/journal/undated/boot.ts';

const code = `import { systemBoot } from ${JSON.stringify(new URL('../../../src/journal/undated/boot.ts', import.meta.url).href)};
const { id, micros } = systemBoot();
console.log(JSON.stringify([id, micros()]));`;

const linux: Requirement = {
  name: 'linux',
  skipReason: process.platform === 'linux' ? null : 'only Linux names its boots, elsewhere each process is one',
};

describeWith(linux, 'the boot of the machine', () => {
  it('is one, with one clock that goes on, for every process', () => {
    const before = systemBoot().micros();
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
    const [id, micros]: unknown[] = JSON.parse(stdout);
    expect(id).toBe(systemBoot().id);
    expect(micros).toBeGreaterThan(before);
    expect(micros).toBeLessThan(systemBoot().micros());
  });
});

it('believes no time before 2020', () => {
  expect(isBelieved(Date.parse('2019-12-31T23:59:59.999Z') * 1_000)).toBe(false);
  expect(isBelieved(Date.parse('2020-01-01T00:00:00Z') * 1_000)).toBe(true);
});
