import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { edgeSchema, loadConfig, parseConfig, plantSchema } from '@fieldline/shared/config';
import { isFieldlineError } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';

function problemsOf(schema: z.ZodType, text: string): string[] {
  try {
    parseConfig(schema, text, 'edge.yaml');
  } catch (error) {
    if (isFieldlineError(error, 'settings/invalid'))
      return error.message
        .split('\n')
        .slice(1)
        .map((row) => row.trim());
    throw error;
  }
  return [];
}

const good = `gateway: g1
uplink:
  broker: mqtt://127.0.0.1:1883
devices:
  - device: plc1
    protocol: modbus
    link: { kind: tcp, host: 127.0.0.1 }
    tags:
      - { tag: level, address: 0, type: float32 }
`;

describe('a settings file that is no UTF-8', () => {
  it.each([
    ['Latin-1', Buffer.from(`${good}# Kühlung\n`, 'latin1'), 'edge.yaml:10: has a byte that is not UTF-8'],
    ['UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le'), 'edge.yaml: is UTF-16; save it as UTF-8'],
    ['UTF-16 without a mark', Buffer.from(good, 'utf16le'), 'edge.yaml: is UTF-16; save it as UTF-8'],
  ])('is refused: %s', (_name, bytes, message) => {
    const file = join(temporaryFolder(), 'edge.yaml');
    writeFileSync(file, bytes);
    expect(() => loadConfig(edgeSchema, file)).toThrow(message);
  });
});

describe('settings', () => {
  it('with a wrong period are not said to miss a tolerance besides', () => {
    const text = good.replace('    tags:', '    everyMs: -5\n    tags:');
    expect(problemsOf(edgeSchema, text)).toEqual(['edge.yaml:8:14: devices[0].everyMs: is -5; it must be more than 0']);
  });

  it('are read with their defaults, and frozen', () => {
    const edge = parseConfig(edgeSchema, good, 'edge.yaml');
    expect(edge.journal.flushMs).toBe(500);
    expect(edge.devices[0]).toMatchObject({ unit: 1, byteOrder: 'ABCD', everyMs: 1000 });
    expect(Object.isFrozen(edge.devices[0]?.tags)).toBe(true);
  });

  it('with problems list every one, with file, line, column, key, what is wrong and what would be right', () => {
    const text = good
      .replace('gateway: g1', 'gateway: "g 1"')
      .replace('kind: tcp', 'kind: tpc')
      .replace('  broker:', '  brokr: x\n  broker:')
      .replace('type: float32', 'type: flot32, everyMs: fast');
    expect(problemsOf(edgeSchema, text)).toEqual([
      'edge.yaml:1:10: gateway: is "g 1": an id is 1–64 of the characters A–Z a–z 0–9 . _ : - and begins with a letter or digit',
      'edge.yaml:3:10: uplink.brokr: is not a setting. Did you mean broker?',
      'edge.yaml:8:19: devices[0].link.kind: is "tpc"; it must be one of tcp, udp, rtu-over-tcp, ascii-over-tcp, rtu, ascii, listen. Did you mean tcp?',
      expect.stringMatching(
        /^edge\.yaml:10:41: devices\[0]\.tags\[0]\.type: is "flot32"; it must be one of bool, .*\. Did you mean float32\?$/,
      ),
      'edge.yaml:10:58: devices[0].tags[0].everyMs: is "fast"; it must be a number',
    ]);
  });

  it('name a key that is missing at the place where it belongs', () => {
    expect(problemsOf(edgeSchema, good.replace('    protocol: modbus\n', ''))).toEqual([
      'edge.yaml:5:5: devices[0].protocol: is missing; it must be one of modbus, opcua',
    ]);
    expect(problemsOf(edgeSchema, good.replace('gateway: g1\n', ''))).toEqual([
      'edge.yaml:1:1: gateway: is missing; it must be a text',
    ]);
  });

  it('name the protocol of a device that is not one', () => {
    expect(problemsOf(edgeSchema, good.replace('protocol: modbus', 'protocol: opc-ua'))).toEqual([
      'edge.yaml:6:15: devices[0].protocol: is "opc-ua"; it must be one of modbus, opcua. Did you mean opcua?',
    ]);
  });

  it('find what no single key shows: two devices or tags of one name', () => {
    const twice = good.replace('      - { tag: level', '      - { tag: level, address: 4 }\n      - { tag: level');
    expect(problemsOf(edgeSchema, twice)).toEqual([
      'edge.yaml:10:16: devices[0].tags[1].tag: is "level": another tag of this device has this id',
    ]);
  });

  it('list ids that are given twice together with other mistakes', () => {
    const twice = good
      .replace('      - { tag: level', '      - { tag: level, address: fast }\n      - { tag: level')
      .replace('gateway: g1\n', 'devicez: 1\n');
    expect(problemsOf(edgeSchema, twice).map((row) => row.replace(/;.*/, ''))).toEqual([
      'edge.yaml:1:1: gateway: is missing',
      'edge.yaml:1:10: devicez: is not a setting. Did you mean devices?',
      'edge.yaml:9:32: devices[0].tags[0].address: is "fast"',
      'edge.yaml:10:16: devices[0].tags[1].tag: is "level": another tag of this device has this id',
    ]);
    for (const odd of ['[]', '7', 'devices: x', 'devices: [1, {tags: 3}, {tags: [null, {tag: 1}]}]']) {
      expect(problemsOf(edgeSchema, odd)).not.toEqual([]);
    }
  });

  it('say what a register cannot be', () => {
    const text = good.replace('address: 0, type: float32', 'table: coil, address: 0, type: float32');
    expect(problemsOf(edgeSchema, text)).toEqual([
      'edge.yaml:9:54: devices[0].tags[0].type: is "float32": a coil holds one bit: its type is bool',
    ]);
  });

  it('that are not YAML say where', () => {
    expect(problemsOf(edgeSchema, 'gateway: [g1\nuplink: x\n')[0]).toMatch(/^edge\.yaml:\d+:\d+: /);
    expect(problemsOf(edgeSchema, 'gateway: g\n\tuplink: x\n')).toEqual([
      'edge.yaml:2:1: a tab stands before the text: indent with blanks',
    ]);
    expect(problemsOf(edgeSchema, 'gateway: g\n  uplink: x\n')[0]).toMatch(
      /^edge\.yaml:1:10: a second colon in one line, or/,
    );
  });

  it('name an alias that nothing is named by, and one of itself', () => {
    expect(problemsOf(edgeSchema, good.replace('gateway: g1', 'gateway: *nix'))).toEqual([
      'edge.yaml:1:10: *nix names no value above it: write &nix before one, or quote it',
    ]);
    expect(problemsOf(edgeSchema, 'gateway: g1\ndevices: &all [*all]\n')).toEqual([
      'edge.yaml:2:16: *all stands within the value that it names: write the value out',
    ]);
  });

  it('may name a value once and use it often', () => {
    const tags = Array.from({ length: 200 }, (_, n) => `      - { tag: t${n}, address: ${n}, everyMs: *often }\n`);
    const text = good.replace('type: float32', 'everyMs: &often 700').replace(/address: 0/, 'address: 900');
    const edge = parseConfig(edgeSchema, text + tags.join(''), 'edge.yaml');
    expect(edge.devices[0]?.tags[200]).toMatchObject({ everyMs: 700 });
  });

  it('whose aliases stand for more than memory holds are refused', () => {
    const level = (n: number): string =>
      `k${n}: &k${n} [${Array(9)
        .fill(`*k${n - 1}`)
        .join(', ')}]`;
    const text = ['k0: &k0 [x]', ...Array.from({ length: 9 }, (_, n) => level(n + 1))].join('\n');
    expect(problemsOf(edgeSchema, text)).toEqual([
      expect.stringMatching(/^edge\.yaml:1:1: cannot be read: .*write the values out/),
    ]);
  });

  it('name a key that is set twice', () => {
    expect(problemsOf(edgeSchema, `${good}gateway: g2\n`)).toEqual([
      'edge.yaml:10:1: gateway is set twice; remove one of the two (what is checked here is the first)',
    ]);
  });

  it('are one document', () => {
    expect(problemsOf(edgeSchema, `${good}---\ngateway: g2\n`)).toEqual([
      'edge.yaml:10:1: a settings file is one document: remove this line and what follows',
    ]);
  });

  it('show a number that is not finite as such', () => {
    expect(problemsOf(edgeSchema, good.replace('type: float32', 'scale: .inf, offset: .nan'))).toEqual([
      'edge.yaml:9:42: devices[0].tags[0].scale: is Infinity; it must be a finite number',
      'edge.yaml:9:56: devices[0].tags[0].offset: is NaN; it must be a finite number',
    ]);
  });

  it('that are empty say what is missing', () => {
    expect(problemsOf(plantSchema, '')).toContain('edge.yaml:1:1: servers: is missing; it must be a list');
  });

  it('of an unknown file say that it cannot be read', async () => {
    const { loadConfig } = await import('@fieldline/shared/config');
    expect(() => loadConfig(edgeSchema, 'no-such-file.yaml')).toThrow(
      expect.objectContaining({ code: 'settings/unreadable' }),
    );
  });
});
