import { encodeBatch, GOOD, topicOf } from '@fieldline/shared/contracts';
import { describeWith, mosquitto, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { gateway, type Line, startLine } from './line.ts';

const stream = '11111111-2222-4333-8444-555555555555';
const tag = { device: 'd', tag: 't', type: 'uint16' } as const;
const batch = (gatewayId: string) =>
  encodeBatch(
    {
      gateway: gatewayId,
      stream,
      seq: 1,
      previous: null,
      read: 1,
      filtered: 0,
      volatile: false,
      declared: [],
      samples: [{ tag, time: Date.now() * 1_000, value: 7, quality: GOOD }],
    },
    'none',
  );

describeWith(mosquitto, 'what cannot be stored', () => {
  const closers: (() => Promise<void>)[] = [];
  let line: Line;
  const poison = Buffer.from('{"v":1, this is no batch');
  const foreign = batch('somebody-else');
  const truncated = batch('intruder').subarray(0, 70);

  beforeAll(async () => {
    const broker = await mosquitto.start();
    closers.push(broker.close);
    line = await startLine({ brokerUrl: broker.url });
    closers.push(line.close);
    await line.flows();
    const client = await connectAsync(broker.url);
    closers.push(() => client.endAsync());
    for (const payload of [poison, foreign, truncated]) {
      await client.publishAsync(topicOf('intruder', 'batch'), payload, { qos: 1 });
    }
    await waitFor(async () => (await line.query('SELECT 1 FROM fieldline.dead_letter')).length === 3, {
      what: 'three dead letters',
    });
  }, 120_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  it('is a dead letter with its bytes and the reason', async () => {
    const letters = await line.query<{ code: string; reason: string; bytes: Buffer; gateway: string }>(
      'SELECT code, reason, bytes, gateway FROM fieldline.dead_letter ORDER BY id',
    );
    expect(letters.map(({ code }) => code)).toEqual(['batch/malformed', 'batch/foreign-gateway', 'batch/malformed']);
    expect(
      letters.map(
        ({ bytes }) =>
          Buffer.compare(bytes, poison) === 0 ||
          Buffer.compare(bytes, foreign) === 0 ||
          Buffer.compare(bytes, truncated) === 0,
      ),
    ).toEqual([true, true, true]);
    expect(letters.every(({ reason, gateway: from }) => reason.length > 10 && from === 'intruder')).toBe(true);
  });

  it('does not hold up what comes behind it', async () => {
    await line.flows();
    await line.settle();
    const [letters] = await line.query<{ letters: number }>(
      'SELECT count(*)::int AS letters FROM fieldline.dead_letter WHERE gateway = $1',
      [gateway],
    );
    expect(letters?.letters).toBe(0);
    await expectAllStored(line);
  }, 60_000);
});
