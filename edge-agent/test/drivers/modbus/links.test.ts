import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort, waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Answer, dialIn, frameOf, memory, type Plc, registers, startPlc, startUdpPlc } from './plc.ts';
import { device, startRig, startUnconnected, tcp, words } from './rig.ts';

async function plcWith(answer: Answer, options?: Parameters<typeof startPlc>[1]): Promise<Plc> {
  const plc = await startPlc(answer, options);
  onTestFinished(() => plc.close());
  return plc;
}

describe('UDP', () => {
  const udp = (port: number) => ({ ...tcp(port), kind: 'udp' });

  test('a lost datagram is a time-out, and its late or doubled reply is nobody’s', async () => {
    const timeoutMs = 300;
    // The first is lost, the second 1.5 time-outs late, and from then on each reply comes twice.
    const plc = await startUdpPlc((ask, { send }) => {
      const number = plc.asks.length;
      const reply = (): void => send(registers(ask, [number]));
      if (number === 2) setTimeout(reply, timeoutMs * 1.5);
      else if (number > 2) [reply, reply].forEach((again) => void again());
    });
    const rig = await startRig([device({ link: udp(plc.port), timeoutMs, tags: words(0) })]);
    const values: unknown[] = [];
    while (values.length < 6) values.push((await rig.read()).w0);
    expect(values).toEqual(['bad/timeout', 'bad/timeout', 3, 4, 5, 6]);
    // That of the second, and of all but the last the double at least.
    await waitFor(async () => /late_replies_total\{.*\} [45]\n/.test(await rig.metrics.text()));
  });

  test('a datagram that is no frame is skipped alone', async () => {
    const plc = await startUdpPlc((ask, { send, socket, frame }) => {
      const right = frame(registers(ask, [7]));
      socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n'));
      socket.write(right.subarray(0, -1));
      socket.write(Buffer.concat([right, Buffer.of(0)]));
      send(registers(ask, [8]));
    });
    const rig = await startRig([device({ link: udp(plc.port), tags: words(0) })]);
    expect(await rig.read()).toEqual({ w0: 8 });
  });

  test('a device that is not there yet is read once it is', async () => {
    const port = await freePort();
    const rig = await startRig([device({ link: udp(port), timeoutMs: 30, tags: words(0) })]);
    expect(await rig.read()).toEqual({ w0: 'bad/timeout' });
    expect(rig.driver.status()[0]?.state).toBe('connected');
  });
});

describe('a device that dials in', () => {
  const listen = (port: number, settings: object = {}) => ({ kind: 'listen', port, framing: 'rtu', ...settings });
  const pumps = (port: number, settings: object = {}) =>
    ['PUMP-1', '0x50554d502d32'].map((registration, n) =>
      device({
        device: `pump${n + 1}`,
        link: listen(port, { registration, ...settings }),
        tags: [{ tag: `pump${n + 1}`, address: 0 }],
      }),
    );
  const value =
    (wanted: number): Answer =>
    (ask, { send }) =>
      send(registers(ask, [wanted]));

  test.each(['tcp', 'rtu', 'ascii'] as const)('is known by what it says first, in %s framing', async (framing) => {
    const port = await freePort();
    const rig = startUnconnected(pumps(port, { framing, heartbeat: 'ping' }));
    await waitFor(async () => {
      const caller = await dialIn(port, framing, value(22), ['PUMP', '-2\r\n']).catch(() => null);
      return caller !== null;
    });
    await waitFor(async () => (await rig.read('pump2')).pump2 === 22);
    expect(rig.driver.status().map(({ state }) => state)).toEqual(['connecting', 'connected']);
    const other = await dialIn(port, framing, value(11), ['PUMP-1']);
    await waitFor(async () => (await rig.read('pump1')).pump1 === 11);
    other.socket.write('ping\r\n');
    other.socket.write('PUMP-1ping');
    for (let turn = 0; turn < 5; turn++) {
      expect(await rig.read()).toEqual({ pump1: 11, pump2: 22 });
      other.socket.write('ping');
    }
  });

  test('that dials anew is heard on its new line', async () => {
    const port = await freePort();
    const rig = startUnconnected(pumps(port));
    const old = await waitFor(() => dialIn(port, 'rtu', () => {}, ['PUMP-1']).catch(() => null));
    await waitFor(() => rig.driver.status()[0]?.state === 'connected');
    await dialIn(port, 'rtu', value(5), ['PUMP-1']);
    await old.closed;
    await waitFor(async () => (await rig.read('pump1')).pump1 === 5);
  });

  test('without any registration is the only one on its port', async () => {
    const port = await freePort();
    const rig = startUnconnected([device({ link: listen(port), tags: words(3) })]);
    await waitFor(() => dialIn(port, 'rtu', memory()).catch(() => null));
    await waitFor(async () => (await rig.read()).w3 === 3);
  });

  test('that is unknown is sent away and counted', async () => {
    const port = await freePort();
    const rig = startUnconnected(pumps(port, { from: '127.0.0.1' }));
    const stranger = await waitFor(() => dialIn(port, 'rtu', value(6), ['PUMP-9']).catch(() => null));
    await stranger.closed;
    expect(await rig.metrics.text()).toMatch(/fieldline_modbus_strangers_total 1/);
    expect(rig.driver.status().map(({ state }) => state)).toEqual(['connecting', 'connecting']);
  });

  test('from an address that is not its own is unknown too', async () => {
    const port = await freePort();
    const rig = startUnconnected([device({ link: listen(port, { from: '10.1.2.3' }), tags: words(0) })]);
    const stranger = await waitFor(() => dialIn(port, 'rtu', memory()).catch(() => null));
    await stranger.closed;
    expect(await rig.metrics.text()).toMatch(/fieldline_modbus_strangers_total 1/);
  });

  test('to a port that another program has is said in words', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const rig = startUnconnected([device({ link: listen(port), tags: words(0) })]);
    await waitFor(() => rig.driver.status()[0]?.state === 'disconnected');
    expect(rig.driver.status()[0]?.trouble).toContain(`port ${port} on 127.0.0.1 is in use by another program`);
  });
});

describe('a second address of the same device', () => {
  test('is used while the first cannot be connected; the first is returned to', async () => {
    const firstPort = await freePort();
    const backup = await plcWith((ask, { send }) => void setTimeout(() => send(registers(ask, [2])), 20));
    const link = { ...tcp(firstPort), backup: { host: '127.0.0.1', port: backup.port, returnAfterMs: 50 } };
    const rig = await startRig([device({ link, tags: words(0) })]);
    expect(await rig.read()).toEqual({ w0: 2 });
    expect(rig.driver.status()).toMatchObject([
      { state: 'connected', trouble: `reached by its backup address 127.0.0.1:${backup.port}` },
    ]);
    expect(await rig.metrics.text()).toMatch(/fieldline_modbus_backup_in_use\{.*\} 1/);
    await plcWith((ask, { send }) => send(registers(ask, [1])), { port: firstPort });
    const seen = new Set<unknown>();
    await waitFor(async () => {
      const { w0 } = await rig.read();
      seen.add(w0);
      return w0 === 1;
    });
    expect(seen).toEqual(new Set([2, 1]));
    expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: null }]);
    expect(await rig.metrics.text()).toMatch(/fieldline_modbus_backup_in_use\{.*\} 0/);
  });

  test('is used while the first connects and is silent', async () => {
    const first = await plcWith(() => {});
    const backup = await plcWith((ask, { send }) => send(registers(ask, [2])));
    const link = { ...tcp(first.port), backup: { host: '127.0.0.1', port: backup.port } };
    const rig = await startRig([device({ link, timeoutMs: 150, tags: words(0) })]);
    await waitFor(async () => (await rig.read()).w0 === 2);
    expect(first.asks).toHaveLength(3);
  });

  test('is left only once the first answers: one that connects and is silent costs no reading', async () => {
    let answers = false;
    const first = await plcWith((ask, { send }) => {
      if (answers) send(registers(ask, Array(ask.count).fill(1)));
    });
    const backup = await plcWith((ask, { send }) => send(registers(ask, Array(ask.count).fill(2))));
    const link = { ...tcp(first.port), backup: { host: '127.0.0.1', port: backup.port, returnAfterMs: 20 } };
    const rig = await startRig([device({ link, timeoutMs: 150, tags: words(0, 1) })]);
    await waitFor(async () => (await rig.read()).w0 === 2);
    const seen: unknown[] = [];
    const readUntil = (isReached: () => boolean): Promise<unknown> =>
      waitFor(async () => {
        seen.push((await rig.read()).w0);
        return isReached();
      });
    // Three readings were in vain, then two looks, for one register each.
    await readUntil(() => first.asks.length >= 5);
    expect(first.asks.map(({ count }) => count).slice(0, 5)).toEqual([2, 2, 2, 1, 1]);
    expect(new Set(seen)).toEqual(new Set([2]));
    answers = true;
    await readUntil(() => seen.at(-1) === 1);
    expect(new Set(seen), 'nor does the return').toEqual(new Set([2, 1]));
  });
});

test('a connection over which nothing goes for a while is kept', async () => {
  const plc = await plcWith((ask, { send }) => send(registers(ask, [20])));
  const rig = await startRig([device({ link: tcp(plc.port), tags: words(0) })]);
  expect(await rig.read()).toEqual({ w0: 20 });
  const readAtMs = performance.now();
  await waitFor(() => performance.now() - readAtMs > 5_500, { what: 'longer than connecting may take' });
  expect(await rig.read()).toEqual({ w0: 20 });
  expect(plc.connections()).toBe(1);
});

test('pauses after the connection and between requests are kept', async () => {
  const askedMs: number[] = [];
  const plc = await plcWith((ask, reply) => {
    askedMs.push(performance.now());
    memory()(ask, reply);
  });
  const link = { ...tcp(plc.port), pauseAfterConnectMs: 120, pauseBetweenMs: 40 };
  const startedMs = performance.now();
  const rig = await startRig([device({ link, maxGap: 0, tags: words(0, 10, 20) })]);
  expect(await rig.read()).toEqual({ w0: 0, w10: 10, w20: 20 });
  const [first = 0, second = 0, third = 0] = askedMs;
  expect(first - startedMs).toBeGreaterThanOrEqual(120);
  expect(second - first).toBeGreaterThanOrEqual(40);
  expect(third - second).toBeGreaterThanOrEqual(40);
});

describe('a device that answers with another unit id', () => {
  const foreign: Answer = (ask, { frame, socket }) => {
    const bytes = frame(registers(ask, [9]));
    bytes.writeUInt8(200, 6);
    socket.write(bytes);
  };

  test.each([
    [undefined, 'bad/reply'],
    [199, 'bad/reply'],
    [200, 9],
    ['any', 9],
  ])('with answersAs %s is read as %s', async (answersAs, value) => {
    const plc = await plcWith(foreign);
    const rig = await startRig([device({ link: tcp(plc.port), answersAs, tags: words(0) })]);
    expect(await rig.read()).toEqual({ w0: value });
  });

  test('on a line is read only by its number', async () => {
    const plc = await plcWith(
      (ask, { socket }) => {
        socket.write(frameOf('rtu', null, Buffer.concat([Buffer.of(200), registers(ask, [9])])));
      },
      { framing: 'rtu' },
    );
    const link = { ...tcp(plc.port), kind: 'rtu-over-tcp' };
    const rig = await startRig([device({ link, answersAs: 200, tags: words(0) })]);
    expect(await rig.read()).toEqual({ w0: 9 });
  });
});
