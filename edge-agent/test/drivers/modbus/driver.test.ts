import { once } from 'node:events';
import { createMetrics, systemClock } from '@fieldline/shared/runtime';
import { freePort, waitFor } from '@fieldline/shared/testing';
import { ServerTCP } from 'modbus-serial';
import { describe, expect, onTestFinished, test } from 'vitest';
import { StallWatch } from '../../../src/stall-watch.ts';
import { type Answer, exception, memory, type Plc, registers, startPlc } from './plc.ts';
import { createTestClock, device, startRig, startUnconnected, tcp, words } from './rig.ts';

async function plcWith(answer: Answer, options?: Parameters<typeof startPlc>[1]): Promise<Plc> {
  const plc = await startPlc(answer, options);
  onTestFinished(() => plc.close());
  return plc;
}

describe('against the server of another library', () => {
  test('reads all four tables, each in one request', async () => {
    const port = await freePort();
    const server = new ServerTCP(
      {
        getCoil: (address: number) => address % 2 === 1,
        getDiscreteInput: (address: number) => address % 3 === 0,
        getInputRegister: (address: number) => address + 1,
        getHoldingRegister: (address: number) => [0x42f6, 0xe979, 0xffff, 0xfffe][address] ?? 0,
      },
      { host: '127.0.0.1', port, unitID: 7 },
    );
    await once(server, 'initialized');
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const tags = [
      { tag: 'coil10', table: 'coil', type: 'bool', address: 10 },
      { tag: 'coil19', table: 'coil', type: 'bool', address: 19 },
      { tag: 'discrete3', table: 'discrete', type: 'bool', address: 3 },
      { tag: 'discrete4', table: 'discrete', type: 'bool', address: 4 },
      { tag: 'input', table: 'input', address: 999, scale: 0.5 },
      { tag: 'float', address: 0, type: 'float32' },
      { tag: 'int', address: 2, type: 'int32' },
    ];
    const rig = await startRig([device({ link: tcp(port), unit: 7, tags })]);
    expect(rig.driver.requests.map(({ name }) => name)).toEqual([
      'plc coil 10–19',
      'plc discrete 3–4',
      'plc input 999',
      'plc holding 0–3',
    ]);
    expect(await rig.read()).toEqual({
      coil10: false,
      coil19: true,
      discrete3: true,
      discrete4: false,
      input: 500,
      float: Math.fround(123.456),
      int: -2,
    });
  });
});

describe('time', () => {
  test('of a sample is the middle of the round trip of its own request', async () => {
    let nowMs = 1_000;
    const clock = { now: () => 1_700_000_000_000_000 + nowMs * 1_000, monotonicMs: () => nowMs };
    const plc = await plcWith((ask, { send }) => {
      nowMs += 400;
      send(registers(ask, [1]));
    });
    const rig = await startRig([device({ link: tcp(plc.port), maxGap: 0, tags: words(0, 10) })], clock);
    const times = (await rig.samples()).map(({ time }) => time - 1_700_000_000_000_000);
    expect(times).toEqual([1_200_000, 1_600_000]);
  });

  test('is no later for a reply that the agent was too busy to see', async () => {
    const stalls = new StallWatch(systemClock, createMetrics());
    onTestFinished(() => stalls.close());
    const answeredAt: number[] = [];
    const plc = await plcWith((ask, { send }) => {
      send(registers(ask, [1]));
      answeredAt.push(systemClock.now());
      const until = performance.now() + 600;
      while (performance.now() < until) Math.sqrt(until);
    });
    const settings = { link: tcp(plc.port), tags: words(0) };
    const rig = await startRig([device(settings)], systemClock, (sinceMs) => stalls.heldSinceMs(sinceMs));
    const [sample] = await rig.samples();
    expect(sample?.quality).toBe(0);
    const lateMs = ((sample?.time ?? 0) - (answeredAt[0] ?? 0)) / 1_000;
    // The middle would be 300 ms late; a beat of the watch is what it cannot know.
    expect(Math.abs(lateMs)).toBeLessThan(100);
  });

  test('is on the beat of the request where the reply comes as near to it as the settings allow', async () => {
    let nowMs = 1_000;
    const clock = { now: () => 1_700_000_000_000_000 + nowMs * 1_000, monotonicMs: () => nowMs };
    const plc = await plcWith((ask, { send }) => {
      nowMs += 2;
      if (ask.first === 10) send(exception(ask, 0x01));
      else send(registers(ask, [1]));
    });
    const settings = { link: tcp(plc.port), maxGap: 0, everyMs: 500, timeToleranceMs: 5, tags: words(0, 10) };
    const rig = await startRig([device(settings)], clock);
    const times: number[][] = [];
    for (const nextMs of [1_000, 1_503, 2_020]) {
      nowMs = nextMs;
      times.push((await rig.samples()).map(({ time }) => (time - 1_700_000_000_000_000) / 1_000));
    }
    // A bad sample is nobody's beat.
    expect(times).toEqual([
      [1_001, 1_003],
      [1_501, 1_506],
      [2_021, 2_023],
    ]);
  });
});

describe('one connection', () => {
  test('serves all units behind it, one request after another', async () => {
    let open = 0;
    let most = 0;
    const plc = await plcWith((ask, { send }) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        send(registers(ask, [ask.unit]));
      }, 5);
    });
    const units = [1, 2, 3].map((unit) =>
      device({ device: `d${unit}`, unit, link: tcp(plc.port), tags: [{ tag: `unit${unit}`, address: 0 }] }),
    );
    const rig = await startRig(units);
    expect(await rig.read()).toEqual({ unit1: 1, unit2: 2, unit3: 3 });
    expect(most).toBe(1);
    expect(plc.connections()).toBe(1);
  });

  test('lost, gives bad samples at once; found again, good ones', async () => {
    const plc = await plcWith(memory());
    const rig = await startRig([device({ link: tcp(plc.port), timeoutMs: 60_000, tags: words(5) })]);
    expect(await rig.read()).toEqual({ w5: 5 });
    await plc.close();
    await waitFor(() => !rig.isConnected());
    expect(await rig.read()).toEqual({ w5: 'bad/not-connected' });
    expect(rig.driver.status()).toMatchObject([{ device: 'plc', state: 'disconnected', trouble: expect.any(String) }]);
    await plcWith(memory(), { port: plc.port });
    await waitFor(() => rig.isConnected());
    expect(await rig.read()).toEqual({ w5: 5 });
    expect(rig.driver.status()).toEqual([{ device: 'plc', state: 'connected', trouble: null }]);
  });

  test('cut in the middle of a request ends that request at once', async () => {
    const plc = await plcWith((_ask, { socket }) => socket.destroy());
    const rig = await startRig([device({ link: tcp(plc.port), timeoutMs: 60_000, tags: words(5) })]);
    expect(await rig.read()).toEqual({ w5: 'bad/not-connected' });
  });

  test('that cannot be made says why, and gives bad samples meanwhile', async () => {
    const port = await freePort();
    const rig = startUnconnected([device({ link: tcp(port), tags: words(5) })]);
    expect(await rig.read()).toEqual({ w5: 'bad/not-connected' });
    await waitFor(() => rig.driver.status()[0]?.state === 'disconnected');
    expect(rig.driver.status()[0]?.trouble).toMatch(/cannot connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  });

  test('whose device accepts requests but never answers is replaced', async () => {
    const plc = await plcWith((ask, { send }) => {
      if (plc.connections() > 1) send(registers(ask, [42]));
    });
    const clock = createTestClock();
    const rig = await startRig([device({ link: tcp(plc.port), timeoutMs: 30, tags: words(0) })], clock);
    for (let turn = 0; turn < 3; turn++) expect(await rig.read()).toEqual({ w0: 'bad/timeout' });
    await waitFor(() => plc.connections() === 2 && rig.isConnected());
    clock.putForward(60_000);
    expect(await rig.read()).toEqual({ w0: 42 });
  });
});

describe('aborted', () => {
  test('a read ends at once, and so does every one after it', async () => {
    const plc = await plcWith(() => {});
    const rig = await startRig([device({ link: tcp(plc.port), timeoutMs: 60_000, tags: words(0) })]);
    const abort = new AbortController();
    const reading = rig.driver.requests[0]?.read(abort.signal);
    await waitFor(() => plc.asks.length === 1);
    abort.abort();
    expect(await reading).toEqual([]);
    expect(await rig.driver.requests[0]?.read(abort.signal)).toEqual([]);
  });

  test('close is quick while a read waits, and may be called twice', async () => {
    const plc = await plcWith(() => {});
    const rig = await startRig([device({ link: tcp(plc.port), timeoutMs: 60_000, tags: words(0) })]);
    const reading = rig.read();
    await waitFor(() => plc.asks.length === 1);
    await Promise.all([rig.driver.close(), rig.driver.close()]);
    expect(await reading).toEqual({ w0: 'bad/not-connected' });
  });
});

describe('exceptions', () => {
  test.each([
    [1, 'bad/refused', 1],
    [2, 'bad/address', 1],
    [3, 'bad/refused', 1],
    [4, 'bad/refused', 2],
    [5, 'bad/refused', 3],
    [6, 'bad/refused', 3],
    [0x0a, 'bad/not-connected', 1],
    [0x0b, 'bad/timeout', 1],
  ])(
    '%i becomes %s after %i requests, each counted; then it is asked once a turn at most',
    async (code, quality, asked) => {
      const plc = await plcWith((ask, { send }) => send(exception(ask, code)));
      const rig = await startRig([device({ link: tcp(plc.port), tags: words(0) })]);
      expect(await rig.read()).toEqual({ w0: quality });
      expect(plc.asks).toHaveLength(asked);
      expect(await rig.metrics.text()).toContain(`kind="exception"} ${asked}\n`);
      expect(await rig.read()).toEqual({ w0: quality });
      expect(plc.asks.length).toBeLessThanOrEqual(asked + 1);
    },
  );

  test.each([4, 5, 6])('%i that passes costs no sample, and leaves the link to others meanwhile', async (code) => {
    const plc = await plcWith((ask, { send }) => {
      const asks = plc.asks.filter(({ unit }) => unit === ask.unit).length;
      send(ask.unit === 1 && asks === 1 ? exception(ask, code) : registers(ask, [ask.unit]));
    });
    const both = [1, 2].map((unit) =>
      device({ device: `d${unit}`, unit, link: tcp(plc.port), tags: [{ tag: `unit${unit}`, address: 0 }] }),
    );
    const rig = await startRig(both);
    expect(await rig.read()).toEqual({ unit1: 1, unit2: 2 });
    expect(plc.asks.map(({ unit }) => unit)).toEqual([1, 2, 1]);
    expect(await rig.metrics.text()).toMatch(/fieldline_modbus_retries_total\{.*\} 1/);
  });
});
