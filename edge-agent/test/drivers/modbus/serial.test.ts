import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { modbusLinkSchema, type SerialLink } from '@fieldline/shared/config';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { openSerial } from '../../../src/drivers/modbus/channels/serial-channel.ts';
import { device, startRig, startUnconnected } from './rig.ts';
import { pair, startLine, startSlaves } from './serial-line.ts';

const link = (path: string) => ({ kind: 'rtu', path, baudRate: 115_200, parity: 'none' });

describeWith(pair, 'Modbus RTU on a serial line', () => {
  test('reads units that share the line', async () => {
    const { ours, theirs } = await startLine();
    await startSlaves(theirs);
    const rig = await startRig([
      device({ device: 'a', unit: 1, link: link(ours), tags: [{ tag: 'a', address: 7, type: 'int32' }] }),
      device({ device: 'b', unit: 2, link: link(ours), tags: [{ tag: 'b', address: 120 }] }),
      device({ device: 'c', unit: 2, link: link(ours), tags: [{ tag: 'c', table: 'coil', type: 'bool', address: 3 }] }),
    ]);
    expect(await rig.read()).toEqual({ a: 1_007 * 65_536 + 1_008, b: 2_120, c: true });
  });

  test('a port that goes away and comes back is opened again', async () => {
    const { ours, cut, folder } = await startLine();
    const rig = await startRig([device({ link: link(ours), tags: [{ tag: 'a', address: 5 }] })]);
    await cut();
    const isLost = async (): Promise<boolean> => (await rig.read()).a === 'bad/not-connected' && !rig.isConnected();
    await waitFor(isLost, { what: 'the loss of the port to be noticed' });
    const { theirs } = await startLine(folder);
    await startSlaves(theirs);
    await waitFor(async () => (await rig.read()).a === 1_005, { what: 'a good sample' });
  });
});

describeWith(pair, 'what units take to answer', () => {
  const gapOf20 = [0, 21].map((address) => ({ tag: `w${address}`, address }));
  const startWith = (path: string, learnedFile: string) => {
    const slow = { ...link(path), baudRate: 9_600 };
    return startRig([device({ link: slow, maxGap: 60, tags: gapOf20 })], undefined, undefined, undefined, learnedFile);
  };

  test('is measured, kept when the driver is closed, and planned with at the next start', async () => {
    const { ours, theirs, folder } = await startLine();
    await startSlaves(theirs);
    const file = join(folder, 'learned', 'g.json');
    const first = await startWith(ours, file);
    expect(first.driver.requests).toHaveLength(2);
    for (let turn = 0; turn < 8; turn++) expect(await first.read()).toEqual({ w0: 1_000, w21: 1_021 });
    await first.driver.close();
    const { answers } = JSON.parse(readFileSync(file, 'utf8'));
    expect(answers).toEqual([{ link: ours, unit: 1, answerMs: expect.any(Number) }]);
    expect(answers[0].answerMs).toBeLessThan(1_000);

    writeFileSync(file, JSON.stringify({ v: 1, answers: [{ ...answers[0], answerMs: 60 }] }));
    const second = await startWith(ours, file);
    expect(second.driver.requests.map(({ name }) => name)).toEqual(['plc holding 0–21']);
    expect(await second.read()).toEqual({ w0: 1_000, w21: 1_021 });
    expect(second.driver.note?.()).toMatch(/ is asked for \d+ % of its time \(answers after 60 ms\)$/);
  });

  test('is learned again where it cannot be read', async () => {
    const { ours, theirs, folder } = await startLine();
    await startSlaves(theirs);
    const file = join(folder, 'g.json');
    writeFileSync(file, 'no JSON');
    const rig = await startWith(ours, file);
    expect(await rig.read()).toEqual({ w0: 1_000, w21: 1_021 });
  });
});

/** Into a line that may be cut meanwhile. */
function write(line: number, bytes: Buffer): void {
  try {
    writeSync(line, bytes);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) throw error;
  }
}

describeWith(pair, 'a port that hangs up while bytes come', () => {
  /** Whether the library is reading or waiting at that moment is chance: without a watch of our own it spun in one of five. */
  test('is told at once, with no request, each time', async () => {
    for (let round = 0; round < 10; round++) {
      const { ours, theirs, cut } = await startLine();
      const channel = await openSerial(modbusLinkSchema.parse(link(ours)) as SerialLink);
      let heardBytes = 0;
      channel.onBytes(({ length }) => {
        heardBytes += length;
      });
      const babbler = openSync(theirs, 'r+');
      const babble = setInterval(() => write(babbler, Buffer.alloc(16)), 1);
      await waitFor(() => heardBytes > 500, { what: 'bytes to come' });
      await cut();
      clearInterval(babble);
      expect(await channel.ended).toMatch(/the port has hung up/);
      closeSync(babbler);
    }
  });
});

test('a serial port that is not there is said in words', async () => {
  const rig = startUnconnected([device({ link: link('/dev/no-such-port'), tags: [{ tag: 'a', address: 0 }] })]);
  await waitFor(() => rig.driver.status()[0]?.state === 'disconnected');
  expect(rig.driver.status()[0]?.trouble).toMatch(
    /^cannot open \/dev\/no-such-port: No such file or directory; is it plugged in/,
  );
  expect(await rig.read()).toEqual({ a: 'bad/not-connected' });
});
