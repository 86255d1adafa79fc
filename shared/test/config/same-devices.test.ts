import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadEdgeConfig, type ModbusDevice } from '@fieldline/shared/config';
import { checkedOnce } from '@fieldline/shared/config/checked-once';
import { isFieldlineError } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const profile = `model: A meter of nobody
sources: [{ title: its manual, at: a drawer, edition: '3' }]
tags:
  - { tag: power, address: 10, type: int32 }
  - { tag: energy, address: 20, type: uint64 }
`;

/** Of a gateway; each text has the lines of one device below its id and protocol. */
function load(...devices: string[]): ModbusDevice[] {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'shipped', 'acme'), { recursive: true });
  writeFileSync(join(folder, 'shipped', 'acme', 'meter.yaml'), profile);
  const file = join(folder, 'edge.yaml');
  const rows = devices.flatMap((lines, index) => [
    `  - device: d${index}`,
    '    protocol: modbus',
    `    unit: ${index + 1}`,
    '    link: { kind: tcp, host: h }',
    ...lines.split('\n').map((line) => `    ${line}`),
  ]);
  writeFileSync(file, ['gateway: g', 'uplink: { broker: mqtt://h }', 'devices:', ...rows, ''].join('\n'));
  return loadEdgeConfig(file, join(folder, 'shipped')).devices.flatMap((device) =>
    device.protocol === 'modbus' ? [device] : [],
  );
}

const tags = `tags:
  - tag: level
    address: 30001
  - { tag: flow, address: 30002, type: uint16 }`;

describe('devices whose tags are written alike', () => {
  it('share one list of tags', () => {
    const [one, other] = load(`addressBase: 4xxxx\n${tags}`, `everyMs: 5000\naddressBase: 4xxxx\n${tags}`);
    expect(one?.tags).toHaveLength(2);
    expect(one?.tags).toBe(other?.tags);
  });

  it('have tags of their own where the rest of the device says what they are', () => {
    const [one, other] = load(`addressBase: 4xxxx\n${tags}`, `addressBase: 1\n${tags}`);
    expect(one?.tags.map(({ table }) => table)).toEqual(['input', 'input']);
    expect(other?.tags.map(({ table }) => table)).toEqual(['holding', 'holding']);
  });

  it('have tags of their own where one line is another', () => {
    const [one, other] = load(tags, tags.replace('30002', '30003'));
    expect(one?.tags.map(({ address }) => address)).toEqual([30_001, 30_002]);
    expect(other?.tags.map(({ address }) => address)).toEqual([30_001, 30_003]);
  });

  it.each([
    ['in a tag', tags.replace('type: uint16', 'type: uint17'), 'type'],
    ['between tag and device', tags.replace('30002', '70000'), 'address'],
  ])('are told a mistake %s each, at its own line', (_where, lines, key) => {
    let message = '';
    try {
      load(lines, lines);
    } catch (error) {
      if (!isFieldlineError(error, 'settings/invalid')) throw error;
      message = error.message;
    }
    const told = [...message.matchAll(/edge\.yaml:(\d+):\d+: (\S+):/g)].map(([, line, where]) => [line, where]);
    expect(told).toEqual([
      ['11', `devices[0].tags[1].${key}`],
      ['19', `devices[1].tags[1].${key}`],
    ]);
  });

  it('share the tags of a profile that they use alike, and no others', () => {
    const [one, alike, other, more] = load(
      'profile: acme/meter',
      'profile: acme/meter',
      'profile: acme/meter\nonly: [power]',
      'profile: acme/meter\ntags: [{ tag: own, address: 1 }]',
    );
    expect(one?.tags).toBe(alike?.tags);
    expect(one?.tags.map(({ tag }) => tag)).toEqual(['power', 'energy']);
    expect(other?.tags.map(({ tag }) => tag)).toEqual(['power']);
    expect(more?.tags.map(({ tag }) => tag)).toEqual(['power', 'energy', 'own']);
  });
});

describe('a schema that checks once', () => {
  const checked: unknown[] = [];
  const counted = checkedOnce(z.array(z.string().max(3)).refine((list) => checked.push(list) > 0));
  const schema = z.array(z.strictObject({ list: counted.default([]) }));

  it('checks the same list once in a parse, and again in the next', () => {
    const list = ['a', 'b'];
    const parsed = schema.parse([{ list }, { list }, { list: ['a', 'b'] }]);
    expect(checked).toHaveLength(2);
    expect(parsed[0]?.list).toBe(parsed[1]?.list);
    expect(parsed[2]?.list).toEqual(list);
    list.push('c');
    expect(schema.parse([{ list }])).toEqual([{ list: ['a', 'b', 'c'] }]);
    expect(checked).toHaveLength(3);
  });

  it('tells what is wrong with it at each of its places', () => {
    const list = ['long'];
    const { error } = schema.safeParse([{ list }, { list }, {}]);
    expect(error?.issues.map(({ path }) => path)).toEqual([
      [0, 'list', 0],
      [1, 'list', 0],
    ]);
  });
});
