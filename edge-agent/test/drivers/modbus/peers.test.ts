import { describeWith, freePort, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { libmodbus, startLibmodbus } from './peers/libmodbus.ts';
import { type PymodbusSettings, pymodbus, startPymodbus } from './peers/pymodbus.ts';
import { device, startRig } from './rig.ts';
import { pair, startLine } from './serial-line.ts';

const tags = [
  { tag: 'holding', address: 7, type: 'uint32' },
  { tag: 'last', address: 199 },
  { tag: 'missing', address: 200 },
  { tag: 'input', table: 'input', address: 99 },
  { tag: 'coil', table: 'coil', type: 'bool', address: 33 },
  { tag: 'no coil', table: 'coil', type: 'bool', address: 34 },
  { tag: 'discrete', table: 'discrete', type: 'bool', address: 64 },
].map((tag) => ({ ...tag, tag: tag.tag.replace(' ', '-') }));
const right = {
  holding: 1_007 * 65_536 + 1_008,
  last: 1_199,
  missing: 'bad/address',
  input: 2_099,
  coil: true,
  'no-coil': false,
  discrete: true,
};

describeWith(pymodbus, 'against the servers of pymodbus', () => {
  test.each<[string, Omit<PymodbusSettings, 'port'>]>([
    ['tcp', { comm: 'tcp', framer: 'socket' }],
    ['udp', { comm: 'udp', framer: 'socket' }],
    ['rtu-over-tcp', { comm: 'tcp', framer: 'rtu' }],
    ['ascii-over-tcp', { comm: 'tcp', framer: 'ascii' }],
  ])('a link of kind %s reads all tables', async (kind, server) => {
    const port = await freePort();
    await startPymodbus({ ...server, port });
    const rig = await startRig([device({ link: { kind, host: '127.0.0.1', port }, unit: 5, tags })]);
    expect(await rig.read()).toEqual(right);
    expect(await rig.read()).toEqual(right);
  });
});

const exchange = {
  pollsMayWrite: true,
  exchanges: [{ exchange: 'request', address: 150, words: [42, 0xffff] }],
  tags: [
    { tag: 'there', address: 7, type: 'uint32', exchange: 'request' },
    { tag: 'written', address: 151 },
  ],
};

describeWith(pymodbus, 'against the servers of pymodbus, an exchange', () => {
  test.each<[string, Omit<PymodbusSettings, 'port'>]>([
    ['tcp', { comm: 'tcp', framer: 'socket' }],
    ['rtu-over-tcp', { comm: 'tcp', framer: 'rtu' }],
    ['ascii-over-tcp', { comm: 'tcp', framer: 'ascii' }],
  ])('over a link of kind %s writes its words and reads by one request', async (kind, server) => {
    const port = await freePort();
    await startPymodbus({ ...server, port });
    const rig = await startRig([device({ link: { kind, host: '127.0.0.1', port }, unit: 5, ...exchange })]);
    expect(await rig.read('151')).toEqual({ written: 0xffff, there: right.holding });
  });
});

/** Its server has no files: whatever record is asked for, it answers with the same ten registers. */
const dummy = 'SERVER DUMMY RECORD.';
const inFiles = [
  { tag: 'one', file: 4, record: 1, type: 'string', registers: 10 },
  { tag: 'two', file: 4, record: 30, type: 'string', registers: 10 },
  { tag: 'three', file: 9, record: 0, type: 'string', registers: 10 },
  { tag: 'short', file: 4, record: 500, type: 'uint64', everyMs: 5_000 },
];
const rightInFiles = { one: dummy, two: dummy, three: dummy, short: 'bad/reply' };

describeWith(pymodbus, 'against the answer that pymodbus gives to Read File Record', () => {
  test.each<[string, Omit<PymodbusSettings, 'port'>]>([
    ['tcp', { comm: 'tcp', framer: 'socket' }],
    ['rtu-over-tcp', { comm: 'tcp', framer: 'rtu' }],
    ['ascii-over-tcp', { comm: 'tcp', framer: 'ascii' }],
  ])(
    'a link of kind %s reads three stretches in one request, and refuses what is longer than asked for',
    async (kind, server) => {
      const port = await freePort();
      await startPymodbus({ ...server, port });
      const link = { kind, host: '127.0.0.1', port };
      const rig = await startRig([device({ link, unit: 5, timeoutMs: 500, tags: inFiles })]);
      expect(rig.driver.requests.map(({ name }) => name)).toEqual([
        'plc file 4 records 1–10, 30–39; file 9 records 0–9',
        'plc file 4 records 500–503',
      ]);
      expect(await rig.read()).toEqual(rightInFiles);
    },
  );
});

describeWith([pymodbus, pair], 'against the serial servers of pymodbus', () => {
  test.each(['rtu', 'ascii'] as const)('a line of kind %s is read', async (kind) => {
    const { ours, theirs } = await startLine();
    await startPymodbus({ comm: 'serial', framer: kind, port: theirs });
    const link = { kind, path: ours, baudRate: 115_200, parity: 'none', dataBits: 8 };
    const rig = await startRig([
      device({ device: 'a', link, unit: 5, tags }),
      device({ device: 'b', link, unit: 6, tags: [{ tag: 'other', address: 3 }] }),
      device({ device: 'c', link, unit: 6, tags: inFiles.slice(0, 3) }),
    ]);
    expect(await rig.read()).toEqual({ ...right, other: 1_003, one: dummy, two: dummy, three: dummy });
  });
});

/** What its server does on purpose, by address: see its source. */
const faults = {
  busy: 0x170,
  foreign: 0x171,
  slow: 0x172,
  slowBytes: 0x173,
};

describeWith(libmodbus, 'against the test server of libmodbus', () => {
  test('over TCP its faults are what they are, and never a number', async () => {
    const port = await freePort();
    startLibmodbus('tcp', { port });
    const link = { kind: 'tcp', host: '127.0.0.1', port };
    const settings = { link, unit: 255, maxGap: 0, maxRegisters: 4, timeoutMs: 300 };
    const rig = await startRig([
      device({ ...settings, device: 'input', tags: [{ tag: 'input', table: 'input', address: 0x108 }] }),
      device({ ...settings, device: 'busy', tags: [{ tag: 'busy', address: faults.busy }] }),
      device({ ...settings, device: 'bytes', tags: [{ tag: 'bytes', address: faults.slowBytes }] }),
      device({ ...settings, device: 'count', tags: [{ tag: 'count', address: 0x160, type: 'uint32' }] }),
      device({ ...settings, device: 'slow', tags: [{ tag: 'slow', address: faults.slow }] }),
      device({ ...settings, device: 'foreign', tags: [{ tag: 'foreign', address: faults.foreign }] }),
    ]);
    expect(await rig.read('input')).toEqual({ input: 10 });
    expect(await rig.read('busy')).toEqual({ busy: 'bad/refused' });
    expect(await rig.read('bytes')).toEqual({ bytes: 0 });
    expect(await rig.read('count')).toEqual({ count: 'bad/reply' });
    expect(await rig.read('slow')).toEqual({ slow: 'bad/timeout' });
    await waitFor(async () => (await rig.read('input')).input === 10);
    const { foreign } = await rig.read('foreign');
    expect(['bad/timeout', 'bad/reply']).toContain(foreign);
    await waitFor(async () => (await rig.read('input')).input === 10);
  });
});

describeWith(libmodbus, 'against the test server of libmodbus, an exchange', () => {
  test('is written before it is read, where the two meet too', async () => {
    const port = await freePort();
    startLibmodbus('tcp', { port });
    const exchanges = [{ exchange: 'request', address: 0x161, words: [0x1234, 0x5678, 0x9abc] }];
    const tags = [{ tag: 'value', address: 0x162, type: 'uint32', exchange: 'request' }];
    const settings = { link: { kind: 'tcp', host: '127.0.0.1', port }, unit: 255, pollsMayWrite: true };
    const rig = await startRig([device({ ...settings, exchanges, tags })]);
    expect(await rig.read()).toEqual({ value: 0x5678_9abc });
  });
});

describeWith([libmodbus, pair], 'against the test server of libmodbus on a serial line', () => {
  test('its faults are what they are, and never a number', async () => {
    const { ours, theirs } = await startLine();
    startLibmodbus('rtu', { path: theirs });
    const link = { kind: 'rtu', path: ours, baudRate: 115_200, parity: 'none' };
    const settings = { link, unit: 17, maxGap: 0, maxRegisters: 4, timeoutMs: 300 };
    const rig = await startRig([
      device({ ...settings, device: 'input', tags: [{ tag: 'input', table: 'input', address: 0x108 }] }),
      device({ ...settings, device: 'count', tags: [{ tag: 'count', address: 0x160, type: 'uint32' }] }),
      device({ ...settings, device: 'slow', tags: [{ tag: 'slow', address: faults.slow }] }),
      device({ ...settings, device: 'foreign', tags: [{ tag: 'foreign', address: faults.foreign }] }),
    ]);
    await waitFor(async () => (await rig.read('input')).input === 10);
    expect(await rig.read('count')).toEqual({ count: 'bad/reply' });
    await waitFor(async () => (await rig.read('input')).input === 10);
    expect(await rig.read('slow')).toEqual({ slow: 'bad/timeout' });
    await waitFor(async () => (await rig.read('input')).input === 10);
    const { foreign } = await rig.read('foreign');
    expect(foreign).toMatch(/^bad\/(timeout|reply)$/);
    await waitFor(async () => (await rig.read('input')).input === 10);
  });
});
