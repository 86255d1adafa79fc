import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { plantSchema } from '@fieldline/shared/config';
import { describeWith, findProgram, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import fc from 'fast-check';
import modbusSerial from 'modbus-serial';
import { describe, expect, onTestFinished, test } from 'vitest';
import { asciiFrame, createAsciiFraming } from '../../src/modbus/ascii.ts';
import { type RunningPlant, startPlant } from '../../src/plant.ts';
import { connectRaw } from './raw-client.ts';

const units = [
  { name: 'drive', unit: 17, points: [{ name: 'speed', address: 0, signal: { kind: 'constant', value: 1450 } }] },
];

async function start(server: object): Promise<RunningPlant> {
  const running = await startPlant(plantSchema.parse({ plant: 'test', servers: [{ name: 'bus', units, ...server }] }));
  onTestFinished(() => running.close());
  return running;
}

function newClient() {
  const client = new modbusSerial.default();
  client.setID(17);
  client.setTimeout(2_000);
  onTestFinished(() => new Promise<void>((resolve) => client.close(() => resolve())));
  return client;
}

/** Read holding register 0 of unit 17. */
const ask = asciiFrame(Buffer.of(17, 3, 0, 0, 0, 1));

describe('UDP', () => {
  test('a foreign client (modbus-serial) reads, is refused and finds it again', async () => {
    const running = await start({ protocol: 'modbus-udp', port: 0 });
    const client = newClient();
    await client.connectUDP('127.0.0.1', { port: running.servers[0]?.port ?? 0 });
    await waitFor(() => client.isOpen);
    expect((await client.readHoldingRegisters(0, 1)).data).toEqual([1450]);
    await expect(client.readHoldingRegisters(5, 1)).rejects.toMatchObject({ modbusCode: 2 });
    await running.faults.set({ server: 'bus' }, { kind: 'no-answer', times: 1 });
    client.setTimeout(100);
    await expect(client.readHoldingRegisters(0, 1)).rejects.toMatchObject({ errno: 'ETIMEDOUT' });
    await running.faults.set({ server: 'bus' }, { kind: 'refuse' });
    await running.faults.clear({ server: 'bus' });
    client.setTimeout(2_000);
    expect((await client.readHoldingRegisters(0, 1)).data).toEqual([1450]);
  });
});

describe('ASCII', () => {
  test('over TCP: a request in noise is answered, one with a wrong sum is not', async () => {
    const running = await start({ protocol: 'modbus-ascii-over-tcp', port: 0 });
    const client = await connectRaw(running.servers[0]?.port ?? 0);
    onTestFinished(() => client.close());
    client.send(Buffer.from(ask.toString().replace('EB', 'EC')));
    client.send(Buffer.concat([Buffer.from('noise:11'), ask]));
    const expected = asciiFrame(Buffer.of(17, 3, 2, 0x05, 0xaa));
    expect((await client.receive(expected.length)).toString()).toBe(expected.toString());
  });

  test('requests are found however their bytes are split, whatever stands before them', () => {
    const requests = fc.array(
      fc.record({
        noise: fc.uint8Array({ maxLength: 30 }),
        adu: fc.uint8Array({ minLength: 2, maxLength: 250 }),
      }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(requests, fc.integer({ min: 1, max: 50 }), (all, size) => {
        const framing = createAsciiFraming();
        const bytes = Buffer.concat(
          all.flatMap(({ noise, adu }) => [Buffer.from(noise), Buffer.from('\r\n'), asciiFrame(Buffer.from(adu))]),
        );
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          framing.push(bytes.subarray(at, at + size));
          for (let next = framing.next(); next !== null && next !== 'broken'; next = framing.next()) {
            found.push(Buffer.concat([Buffer.of(next.unit), next.pdu]).toString('hex'));
          }
        }
        expect(found).toEqual(all.map(({ adu }) => Buffer.from(adu).toString('hex')));
      }),
    );
  });
});

const socat = findProgram('socat');
const needed = { name: 'socat', skipReason: socat === null ? 'not installed (Debian package socat)' : null };

describeWith(needed, 'ASCII on a serial path', () => {
  test('is read by a foreign client (modbus-serial)', async () => {
    const folder = temporaryFolder();
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
    const ends = [`pty,raw,echo=0,link=${ours}`, `pty,raw,echo=0,link=${theirs}`];
    const cable: ChildProcess = spawn(socat ?? '', ends, { stdio: 'ignore' });
    onTestFinished(() => void cable.kill());
    await waitFor(() => existsSync(ours) && existsSync(theirs), { what: 'the pty pair' });
    const line = { baudRate: 115_200, parity: 'none' } as const;
    await start({ protocol: 'modbus-ascii', path: ours, ...line, dataBits: 8 });
    const client = newClient();
    await client.connectAsciiSerial(theirs, line);
    expect((await client.readHoldingRegisters(0, 1)).data).toEqual([1450]);
    await expect(client.readHoldingRegisters(5, 1)).rejects.toMatchObject({ modbusCode: 2 });
  });
});

test('a device that dials in says who it is, answers, and dials again when the line is lost', async () => {
  const calls: Socket[] = [];
  const heard: Buffer[] = [];
  const gateway = createServer((socket) => {
    calls.push(socket);
    socket.on('data', (bytes) => heard.push(bytes));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    for (const socket of calls) socket.destroy();
    gateway.close();
  });
  await once(gateway, 'listening');
  const { port } = gateway.address() as AddressInfo;
  const at = { host: '127.0.0.1', port, registration: 'PUMP-7', redialMs: 10 };
  await start({ protocol: 'modbus-dial-in', framing: 'ascii', heartbeat: 'beat', heartbeatMs: 20, ...at });
  const said = (): string => Buffer.concat(heard).toString();
  await waitFor(() => /^PUMP-7(beat)+$/.test(said()));
  calls[0]?.write(ask);
  await waitFor(() => said().includes(asciiFrame(Buffer.of(17, 3, 2, 0x05, 0xaa)).toString()));
  calls[0]?.destroy();
  await waitFor(() => calls.length === 2 && said().split('PUMP-7').length === 3);
});
