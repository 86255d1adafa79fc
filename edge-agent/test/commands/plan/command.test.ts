import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readEdgeConfig } from '@fieldline/shared/config/load-edge';
import { describe, expect, test } from 'vitest';
import * as plan from '../../../src/commands/plan/command.ts';
import { validate } from '../../../src/commands/validate/validate.ts';
import { Learned } from '../../../src/drivers/modbus/learned.ts';
import { patternKey, writeKnownTags } from '../../../src/drivers/opcua/nodes/found-tags.ts';
import { profilesFolder } from '../../../src/profiles-folder.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

const meter = (name: string, unit: number, everyMs: number, baudRate = 9_600): string => `
  - device: ${name}
    protocol: modbus
    link: { kind: rtu, path: /dev/ttyS9, baudRate: ${baudRate} }
    unit: ${unit}
    everyMs: ${everyMs}
    tags:
      - { tag: voltage, address: 0, type: float32 }
      - { tag: current, address: 6, type: float32 }
`;

const planOf = (devices: string, ...args: string[]) =>
  runByHand(plan, ['--config', settingsFile(devices, 'journal: { maxBytes: 86400000 }\n'), ...args]);

describe('plan', () => {
  test('names each request with what is wanted, what is read and how long it takes the line', async () => {
    const { said, thrown } = await planOf(meter('m1', 1, 1_000) + meter('m2', 2, 2_000));
    expect(thrown).toBe(null);
    // 11 bits a character: 1.1458 ms. 8 asked, 5 + 16 answered, twice 3.5 of silence, 10 ms to answer: 51.25 ms.
    expect(said.slice(0, 4)).toEqual([
      '/dev/ttyS9: rtu 9,600 baud',
      '  m1  unit 1  holding 0–7  4 wanted, 8 read  2 tags  every 1000 ms  51.2 ms of the line',
      '  m2  unit 2  holding 0–7  4 wanted, 8 read  2 tags  every 2000 ms  51.2 ms of the line',
      '  2 requests, 1.5 a second: the line is taken for 7.7 % of the time, with answers after 10 ms as is usual, not measured',
    ]);
  });

  test('names what a poll writes, and what that costs the line', async () => {
    const { said, thrown } = await planOf(`
  - device: coupler
    protocol: modbus
    link: { kind: rtu, path: /dev/ttyS9, baudRate: 9600 }
    pollsMayWrite: true
    exchanges: [{ exchange: page, address: 2048, words: [1] }]
    tags:
      - { tag: a, address: 10, exchange: page }
      - { tag: b, address: 60, type: uint32, exchange: page }
`);
    expect(thrown).toBe(null);
    // 15 asked, 5 + 104 answered, twice 3.5 of silence, 10 ms to answer: 160.1 ms.
    expect(said[1]).toBe(
      '  coupler  unit 1  holding 10–61, writing holding 2048  3 wanted, 52 read  2 tags  every 1000 ms  160.1 ms of the line',
    );
  });

  test('says what becomes of it: samples, bytes, and how long an outage may last', async () => {
    const { said, thrown } = await planOf(meter('m1', 1, 1_000), '--json');
    expect(thrown).toBe(null);
    const { amounts, links } = JSON.parse(said.join('\n'));
    // 2 samples/s of 7.4 bytes in 2 batches/s (one for each flush) of 200 bytes; each flush writes 5,400 besides.
    const keptPerDay = (2 * 7.4 + 2 * 200) * 86_400;
    expect(amounts.samplesPerSecond).toBe(2);
    expect(amounts.uplinkBytesPerDay).toBeCloseTo(keptPerDay, 3);
    expect(amounts.diskBytesPerDay).toBeCloseTo(keptPerDay + 2 * 5_400 * 86_400, 3);
    expect(amounts.hoursOfBuffer).toBeCloseTo((86_400_000 / keptPerDay) * 24, 6);
    expect(links[0].load).toBeCloseTo(0.05125, 6);
  });

  test('counts an event a minute for tags that take events', async () => {
    const { said } = await planOf(
      '  - { device: b, protocol: opcua, endpoint: opc.tcp://h:4840, tags: [{ tag: t, node: i=2253, type: string, events: {} }] }\n',
      '--json',
    );
    expect(JSON.parse(said.join('\n')).amounts.samplesPerSecond).toBeCloseTo(1 / 60, 6);
  });

  test('says by how much answers may be slower where a link has no baud rate', async () => {
    const { said } = await planOf(
      '  - { device: a, protocol: modbus, link: { kind: tcp, host: h }, everyMs: 100, tags: [{ tag: t, address: 0 }] }\n' +
        '  - { device: b, protocol: opcua, endpoint: opc.tcp://h:4840, tags: [{ tag: t, node: i=1 }] }\n',
    );
    expect(said).toContain('  1 request, 10 a second: each may take 100 ms on average');
    expect(said).toContain('b: opcua, 1 tag, reports by itself every 500 ms, at most 2 samples/s');
  });

  test('counts the tags of patterns as the agent found them last', async () => {
    const pattern = { tag: '{1}', path: 'Line1/*', samplingMs: 100 };
    const file = settingsFile(`  - device: plant
    protocol: opcua
    endpoint: opc.tcp://h:4840
    namespace: urn:plant
    patterns: [${JSON.stringify(pattern)}]
`);
    const before = await runByHand(plan, ['--config', file]);
    expect(before.thrown).toBe(null);
    expect(before.said[0]).toBe(
      'plant: opcua, 0 tags, reports by itself every 500 ms, at most 0 samples/s (1 pattern not looked up yet: that is done when the agent reaches the server)',
    );
    expect(before.said.join()).not.toContain('Infinity');
    const found = (name: string) => ({
      pattern: patternKey(pattern),
      tag: name,
      path: `Line1/${name}`,
      type: 'float64' as const,
      missingSince: null,
    });
    await writeKnownTags(join(dirname(file), 'found-tags', 'g.json'), { plant: [found('Speed'), found('Level')] });
    const { said } = await runByHand(plan, ['--config', file]);
    expect(said[0]).toBe(
      'plant: opcua, 2 tags, reports by itself every 500 ms, at most 20 samples/s (2 tags by 1 pattern, as last seen)',
    );
    expect(said).toContain('in all: at most 20 samples/s (deadbands hold back some)');
    expect(validate(file, readEdgeConfig(file, profilesFolder))).toContain(
      '  plant: opcua, 0 tags; 2 tags by 1 pattern, as last seen',
    );
  });

  test('warns of a line beyond 80 %, and fails beyond 100 %, at the device that takes most', async () => {
    const busy = await planOf(meter('m1', 1, 1_000) + meter('m2', 2, 60));
    expect(busy.thrown).toBe(null);
    expect(busy.said.at(-1)).toMatch(
      /^warning: .*edge\.yaml:19:14: devices\[1\]\.everyMs: \/dev\/ttyS9 at 9600 baud would be taken for 91 % of the time, most of it by m2 \(85 %\), m1 \(5 %\)\. Multiply everyMs by 1\.2,/,
    );
    const full = await planOf(meter('m1', 1, 40));
    expect(full.thrown).toMatchObject({ code: 'settings/invalid' });
    expect(String(full.thrown)).toContain('128 % of the time, most of it by m1 (128 %): it cannot be read that often');
    const slow = await planOf(meter('m1', 1, 100), '--answer-ms', '80');
    expect(String(slow.thrown)).toContain('121 % of the time');
  });

  test('uses what the agent has measured of each unit, and says so', async () => {
    const file = settingsFile(meter('m1', 1, 1_000) + meter('m2', 2, 1_000) + meter('m3', 3, 1_000));
    const learned = join(dirname(file), 'learned', 'g.json');
    const link = '/dev/ttyS9';
    const answers = [
      { link, unit: 1, answerMs: 40.04 },
      { link, unit: 2, answerMs: 4 },
    ];
    await new Learned().keep(learned, { answers, refusals: [] });
    const measured = await runByHand(plan, ['--config', file]);
    // 41.25 ms beside the answers, which take 40, 4 and 10 ms.
    expect(measured.said.slice(1, 4).map((line) => line.match(/[\d.]+ ms of the line/)?.[0])).toEqual([
      '81.3 ms of the line',
      '45.2 ms of the line',
      '51.2 ms of the line',
    ]);
    expect(measured.said[4]).toBe(
      '  3 requests, 3 a second: the line is taken for 18 % of the time, with answers after 4–40 ms as measured (2 units), 10 ms as is usual, not measured (1 unit)',
    );
    const stated = await runByHand(plan, ['--config', file, '--answer-ms', '20']);
    expect(stated.said[4]).toContain('with answers after 20 ms as stated');

    writeFileSync(learned, 'no JSON');
    const unreadable = await runByHand(plan, ['--config', file]);
    expect(unreadable.thrown).toBe(null);
    expect(unreadable.said[4]).toContain('with answers after 10 ms as is usual, not measured');
    expect(unreadable.said.at(-1)).toMatch(/^warning: .*learned\/g\.json: what was measured cannot be read/);
  });

  test('tells wrong use', async () => {
    expect((await runByHand(plan, [])).thrown).toMatchObject({ code: 'arguments/invalid' });
    expect((await planOf(meter('m', 1, 1_000), '--answer-ms', 'soon')).thrown).toMatchObject({
      message: expect.stringContaining('--answer-ms is soon'),
    });
  });
});
