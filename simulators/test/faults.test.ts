import { plantSchema } from '@fieldline/shared/config';
import { waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type RunningPlant, startPlant } from '../src/plant.ts';
import type { Served } from '../src/served.ts';
import { ask, connectRaw, mbap, type RawClient } from './modbus/raw-client.ts';

const points = [{ name: 'x', address: 0, signal: { kind: 'constant', value: 7 } }];
const plant = plantSchema.parse({
  plant: 'test',
  control: { port: 0 },
  servers: [
    {
      protocol: 'modbus-tcp',
      name: 'bus',
      port: 0,
      units: [
        { name: 'one', unit: 1, points },
        { name: 'two', unit: 2, points },
      ],
    },
  ],
});
const read = '0300000001';
const seven = '03020007';

let running: RunningPlant;
const served: Served[] = [];
const clients: RawClient[] = [];
const connect = async (): Promise<RawClient> => {
  const client = await connectRaw(running.servers[0]?.port ?? 0);
  clients.push(client);
  return client;
};

beforeAll(async () => {
  running = await startPlant(plant, { onServed: (some) => served.push(...some) });
});
afterAll(() => running.close());
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await running.faults.clear();
});

describe('faults of requests', () => {
  test('no answer: the request is heard, nothing comes, nothing counts as served; other units answer', async () => {
    await running.faults.set({ server: 'bus', part: 'one' }, { kind: 'no-answer' });
    const client = await connect();
    served.length = 0;
    client.send(mbap(1, 1, [3, 0, 0, 0, 1]));
    expect(await ask(client, 2, read)).toBe(seven);
    expect(client.received().length).toBe(0);
    expect(served.map(({ device }) => device)).toEqual(['two']);
  });

  test('an exception, so many times, and then well again', async () => {
    await running.faults.set({ server: 'bus' }, { kind: 'exception', code: 6, times: 2 });
    const client = await connect();
    const answers: string[] = [];
    for (const unit of [1, 2, 1]) answers.push(await ask(client, unit, read));
    expect(answers).toEqual(['8306', '8306', seven]);
    expect(running.faults.list()).toEqual([]);
  });

  test('what a unit is told goes before what its server is told', async () => {
    await running.faults.set({ server: 'bus' }, { kind: 'exception', code: 6 });
    await running.faults.set({ server: 'bus', part: 'one' }, { kind: 'exception', code: 4 });
    const client = await connect();
    expect([await ask(client, 1, read), await ask(client, 2, read)]).toEqual(['8304', '8306']);
    await running.faults.clear({ server: 'bus', part: 'one' });
    expect(await ask(client, 1, read)).toBe('8306');
  });

  test('a delay holds the answer and those behind it, in order, and serves the value of the later time', async () => {
    await running.faults.set({ server: 'bus', part: 'one' }, { kind: 'delay', delayMs: 150, times: 1 });
    const client = await connect();
    served.length = 0;
    const before = Date.now();
    client.send(Buffer.concat([mbap(1, 1, [3, 0, 0, 0, 1]), mbap(2, 2, [3, 0, 0, 0, 1])]));
    const answers = await client.receive(22);
    expect([answers.readUInt16BE(0), answers.readUInt16BE(11)]).toEqual([1, 2]);
    expect((served[0]?.time ?? 0) / 1_000 - before).toBeGreaterThan(140);
  });

  test('a client that goes away while it waits is not served', async () => {
    await running.faults.set({ server: 'bus', part: 'one' }, { kind: 'delay', delayMs: 100, times: 1 });
    const client = await connect();
    served.length = 0;
    client.send(mbap(1, 1, [3, 0, 0, 0, 1]));
    await waitFor(() => running.faults.list().length === 0, { what: 'the request to be taken' });
    client.close();
    const other = await connect();
    await running.faults.set({ server: 'bus' }, { kind: 'delay', delayMs: 200, times: 1 });
    await ask(other, 2, read);
    expect(served.map(({ device }) => device)).toEqual(['two']);
  });

  test('disconnect: the connection is closed in place of an answer, and the next one serves', async () => {
    await running.faults.set({ server: 'bus', part: 'one' }, { kind: 'disconnect', times: 1 });
    const client = await connect();
    await expect(ask(client, 1, read)).rejects.toThrow('closed');
    expect(await ask(await connect(), 1, read)).toBe(seven);
  });
});

describe('outages', () => {
  test('refuse: connections are closed and refused until it is cleared', async () => {
    const client = await connect();
    expect(await ask(client, 1, read)).toBe(seven);
    await running.faults.set({ server: 'bus' }, { kind: 'refuse' });
    await waitFor(() => client.isClosed(), { what: 'the connection to be closed' });
    await expect(connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await running.faults.clear({ server: 'bus' });
    expect(await ask(await connect(), 1, read)).toBe(seven);
  });

  test('restart: gone for a time, back by itself on the same port, what was written forgotten', async () => {
    const client = await connect();
    expect(await ask(client, 1, '0600000063')).toBe('0600000063');
    expect(await ask(client, 1, read)).toBe('03020063');
    await running.faults.set({ server: 'bus' }, { kind: 'restart', forMs: 100 });
    expect(running.faults.list()).toEqual([{ server: 'bus', fault: { kind: 'restart', forMs: 100 } }]);
    await expect(connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const again = await waitFor(connect, { what: 'the server to come back' });
    expect(await ask(again, 1, read)).toBe(seven);
    expect(running.faults.list()).toEqual([]);
  });

  test('a plant can be closed in the middle of an outage', async () => {
    const other = await startPlant(plantSchema.parse({ ...plant, control: undefined }));
    await other.faults.set({ server: 'bus' }, { kind: 'restart', forMs: 50 });
    await other.close();
    await expect(connectRaw(other.servers[0]?.port ?? 0)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('what there is not is refused by name', () => {
  test.each([
    [{ server: 'buss' }, { kind: 'refuse' } as const, 'no server is named buss; there is bus'],
    [
      { server: 'bus', part: 'three' },
      { kind: 'no-answer' } as const,
      'no part of bus is named three; there are one, two',
    ],
    [{ server: 'bus', part: 'one' }, { kind: 'refuse' } as const, 'refuse is no fault of one part of the server bus'],
    [{ server: 'bus' }, { kind: 'bad' } as const, 'bad is no fault of the server bus'],
    [{ server: 'bus' }, { kind: 'delay', delayMs: -1 } as const, 'delayMs'],
  ])('%j %j', async (target, fault, message) => {
    await expect(running.faults.set(target, fault)).rejects.toThrow(message);
  });
});

describe('over HTTP', () => {
  const call = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`http://127.0.0.1:${running.controlPort}${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });

  test('faults are set, listed and cleared', async () => {
    expect((await call('PUT', '/faults/bus/one', { kind: 'exception', code: 2 })).status).toBe(200);
    expect(await ask(await connect(), 1, read)).toBe('8302');
    const standing = [{ server: 'bus', part: 'one', fault: { kind: 'exception', code: 2 } }];
    expect(await (await call('GET', '/faults')).json()).toEqual(standing);
    expect(await (await call('DELETE', '/faults/bus/one')).json()).toEqual([]);
    expect(await ask(await connect(), 1, read)).toBe(seven);
    await call('PUT', '/faults/bus', { kind: 'no-answer' });
    expect(await (await call('DELETE', '/faults')).json()).toEqual([]);
  });

  test.each([
    ['PUT', '/faults/nobody', { kind: 'refuse' }, 400, 'no server is named nobody'],
    ['PUT', '/faults/bus', { kind: 'explode' }, 400, 'not a fault'],
    ['PUT', '/faults/bus', 'nonsense', 400, 'not JSON'],
    ['PUT', '/faults/bus', ' '.repeat(70_000), 400, 'at most'],
    ['PUT', '/faults/%', {}, 400, 'URI'],
    ['POST', '/faults/bus', {}, 405, 'PUT    /faults'],
    ['GET', '/elsewhere', undefined, 404, 'GET    /faults'],
  ])('%s %s with %j says what is wrong', async (method, path, body, status, message) => {
    const response = await call(method, path, body);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(message);
  });
});
