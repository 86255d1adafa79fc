import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { flightRecorderSchema, modbusLinkSchema } from '@fieldline/shared/config';
import { modbusLinkName } from '@fieldline/shared/config/modbus-link';
import { createMetrics, silentLog } from '@fieldline/shared/runtime';
import { describeWith, findProgram, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createModbusMetrics } from '../../../src/drivers/modbus/metrics.ts';
import { FlightRecorder } from '../../../src/drivers/modbus/recorder/flight-recorder.ts';
import { FrameRing, type Recorded } from '../../../src/drivers/modbus/recorder/frame-ring.ts';
import { pcapng } from '../../../src/drivers/modbus/recorder/pcapng.ts';
import { type Answer, exception, type Framing, frameOf, registers, startPlc, startUdpPlc } from './plc.ts';
import { createTestClock, device, startRig, tcp, words } from './rig.ts';

const found = findProgram('tshark');
const tshark = { name: 'tshark', skipReason: found === null ? 'not installed: apt-get install tshark' : null };

async function plcWith(answer: Answer, framing: Framing) {
  const plc = await startPlc(answer, { framing });
  onTestFinished(() => plc.close());
  return plc;
}

/** What Wireshark makes of a file: of each packet its interface, protocol, unit, function and register values. */
async function decode(content: Buffer): Promise<string[]> {
  const file = join(temporaryFolder(), 'frames.pcapng');
  writeFileSync(file, content);
  const fields = ['frame.interface_name', '_ws.col.Protocol', '_ws.col.Info', 'modbus.regval_uint16'];
  const { stdout } = await promisify(execFile)(found ?? '', [
    '-r',
    file,
    '-T',
    'fields',
    ...fields.flatMap((field) => ['-e', field]),
  ]);
  return stdout.trim().split('\n');
}

const squeezed = (line: string): string => line.replaceAll(/[ \t]+/g, ' ').trim();

describeWith(tshark, 'the last frames of each link', () => {
  test.each(['tcp', 'udp', 'rtu', 'ascii'] as const)('of %s framing are Modbus to Wireshark', async (framing) => {
    const answer: Answer = (ask, { send }) =>
      send(ask.first === 0 ? registers(ask, [1_000, 2_000]) : exception(ask, 2));
    const plc = framing === 'udp' ? await startUdpPlc(answer) : await plcWith(answer, framing);
    const kind = framing === 'rtu' || framing === 'ascii' ? `${framing}-over-tcp` : framing;
    const link = { ...tcp(plc.port), kind };
    const rig = await startRig([device({ link, unit: 7, maxGap: 0, tags: words(0, 1, 50) })]);
    await rig.read();
    const [download] = rig.driver.downloads ?? [];
    expect(download?.path).toBe('/modbus.pcapng');
    const content = Buffer.from(download?.content(new URLSearchParams()) ?? '');
    const lines = (await decode(content)).map(squeezed);
    expect(lines).toHaveLength(4);
    const protocol = framing === 'tcp' ? 'Modbus/TCP' : framing === 'udp' ? 'Modbus/UDP' : 'Modbus RTU';
    for (const line of lines)
      expect(line).toContain(`127.0.0.1:${plc.port}${framing === 'udp' ? '/udp' : ''} ${protocol} `);
    expect(lines[0]).toMatch(/Query: .*Unit: +7, Func: +3: Read Holding Registers/);
    expect(lines[1]).toMatch(/Response: .*Unit: +7, Func: +3: Read Holding Registers.* 1000,2000$/);
    expect(lines[3]).toMatch(/Exception returned/i);
  });

  test('are told apart from what a modem says in between, and put together from pieces', async () => {
    const reply = frameOf('rtu', null, Buffer.of(7, 3, 2, 0x03, 0xe8));
    const pieces = [...reply].map((byte) => Buffer.of(byte));
    const all: [Recorded['kind'], number, Buffer][] = [
      ['connected', 0, Buffer.alloc(0)],
      ['sent', 1, frameOf('rtu', null, Buffer.of(7, 3, 0, 0, 0, 1))],
      ['received', 2, Buffer.from('hello')],
      ...pieces.map((piece, n): [Recorded['kind'], number, Buffer] => ['received', 60 + 10 * n, piece]),
      ['received', 400, Buffer.from('hello')],
    ];
    const recorded = all.map(([kind, ms, bytes]) => ({ kind, time: 1_800_000_000_000_000 + ms * 1_000, bytes }));
    const lines = (await decode(pcapng([{ link: 'line', framing: 'rtu', recorded }]))).map(squeezed);
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(/Response: .*Unit: +7, Func: +3: Read Holding Registers.* 1000$/);
  });

  test('are written when a unit falls silent, once for a while, in so many files', async () => {
    const plc = await plcWith((ask, { send }) => {
      if (plc.asks.length < 3) send(registers(ask, [5]));
    }, 'tcp');
    const folder = temporaryFolder();
    const clock = createTestClock();
    const settings = flightRecorderSchema.parse({ folder, maxFiles: 2 });
    for (const day of ['01', '02', '03']) writeFileSync(join(folder, `modbus-2020-01-${day}.pcapng`), '');
    writeFileSync(join(folder, 'notes.txt'), 'not ours');
    const link = { ...tcp(plc.port) };
    const rig = await startRig([device({ link, timeoutMs: 150, tags: words(0) })], clock, () => null, settings);
    await waitFor(async () => {
      await rig.read();
      return (await rig.metrics.text()).includes('recordings_total{result="written"} 1');
    });
    const files = readdirSync(folder).sort();
    expect(files).toHaveLength(3);
    expect(files[0]).toBe('modbus-2020-01-03.pcapng');
    expect(files[1]).toMatch(/^modbus-\d{4}-.*_\d+-silent-1\.pcapng$|^modbus-.*-silent-1\.pcapng$/);
    const lines = await decode(readFileSync(join(folder, files[1] ?? '')));
    // Two good turns, and three requests in vain.
    expect(lines).toHaveLength(7);
  });
});

test('a link that is not there is said to be none, with the names of those that are', async () => {
  const plc = await plcWith((ask, { send }) => send(registers(ask, [5])), 'tcp');
  const rig = await startRig([device({ link: tcp(plc.port), tags: words(0) })]);
  const [download] = rig.driver.downloads ?? [];
  const contentOf = (link: string) => download?.content(new URLSearchParams({ link }));
  expect(contentOf('nonsense')).toBe(`no link is called "nonsense": ?link= takes 127.0.0.1:${plc.port}`);
  expect(contentOf(`127.0.0.1:${plc.port}`)).toBeInstanceOf(Buffer);
});

describe('the memory of a link', () => {
  test('holds the last of what happened, within its bytes, in its order', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 200 });
    fc.assert(
      fc.property(chunks, (all) => {
        const ring = new FrameRing(4_096);
        for (const [n, bytes] of all.entries()) ring.add(n % 2 === 0 ? 'sent' : 'received', Buffer.from(bytes), n);
        const kept = ring.recorded();
        const expected = all.slice(all.length - kept.length).map((bytes) => Buffer.from(bytes));
        expect(kept.map(({ bytes }) => bytes)).toEqual(expected);
        expect(kept.map(({ time }) => time)).toEqual(kept.map((_, n) => all.length - kept.length + n));
        const sizeBytes = kept.reduce((sum, { bytes }) => sum + bytes.length + 11, 0);
        expect(sizeBytes).toBeLessThanOrEqual(4_096);
        const allBytes = all.reduce((sum, bytes) => sum + bytes.length + 11, 0);
        if (allBytes <= 2_048) expect(kept).toHaveLength(all.length);
        else expect(sizeBytes).toBeGreaterThan(2_048 - 311);
      }),
    );
  });

  test('holds the beginning of what is longer than any frame', () => {
    const ring = new FrameRing(4_096);
    ring.add('sent', Buffer.of(1), 0);
    ring.add('received', Buffer.alloc(65_536, 7), 1);
    expect(ring.recorded().map(({ bytes }) => bytes.length)).toEqual([1, 520]);
  });
});

test('of each link one recording is written in ten minutes, and one of all in ten seconds', async () => {
  const clock = createTestClock();
  const registry = createMetrics();
  const parts = { clock, log: silentLog, metrics: createModbusMetrics(registry) };
  const settings = flightRecorderSchema.parse({ folder: temporaryFolder() });
  const links = [1, 2].map((port) => modbusLinkSchema.parse(tcp(port)));
  const recorder = new FlightRecorder(settings, parts, links);
  const [a = '', b = ''] = links.map(modbusLinkName);
  const keep = async (link: string): Promise<string[]> => {
    recorder.keep(link, 'cut');
    await recorder.close();
    const results = (await registry.text()).matchAll(/recordings_total\{result="(\w+)"\} (\d+)/g);
    return [...results].map(([, result, count]) => `${result} ${count}`).sort();
  };
  expect(await keep(a)).toEqual(['written 1']);
  expect(await keep(b)).toEqual(['skipped 1', 'written 1']);
  clock.putForward(10_001);
  expect(await keep(a)).toEqual(['skipped 2', 'written 1']);
  expect(await keep(b)).toEqual(['skipped 2', 'written 2']);
  clock.putForward(600_000);
  expect(await keep(a)).toEqual(['skipped 2', 'written 3']);
});
