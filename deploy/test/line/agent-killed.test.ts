import { describeWith, mosquitto, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { gateway, type Line, startLine } from './line.ts';

describeWith(mosquitto, 'an agent killed ten times while it reads', () => {
  const closers: (() => Promise<void>)[] = [];
  const kills: number[] = [];
  const rounds = 10;
  let line: Line;

  beforeAll(async () => {
    const broker = await mosquitto.start();
    closers.push(broker.close);
    line = await startLine({ brokerUrl: broker.url });
    closers.push(line.close);
    for (let round = 0; round < rounds; round++) {
      // At another moment of the flush each time.
      const until = line.served.length + 120 + round * 7;
      await waitFor(() => line.served.length > until, { what: 'readings' });
      kills.push(Date.now());
      await line.agent.kill();
      await line.agent.start();
    }
    await line.flows();
    await line.settle();
  }, 480_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  it('has every value stored once that was served more than 1 s before a kill', async () => {
    const found = await expectAllStored(line, { kills });
    expect(found.matched).toBeGreaterThan(rounds * 60);
  });

  it('has chained its streams: each names the one before, and where that ended', async () => {
    const streams = await line.query<{
      stream: string;
      previous: string | null;
      previous_last_seq: number | null;
      last_seq: number;
    }>(
      'SELECT stream, previous, previous_last_seq::int, last_seq::int FROM fieldline.stream WHERE gateway = $1 ORDER BY stream_no',
      [gateway],
    );
    expect(streams).toHaveLength(rounds + 1);
    const byName = new Map(streams.map((stream) => [stream.stream, stream]));
    let chained = 0;
    for (const { previous, previous_last_seq } of streams) {
      if (previous === null) continue;
      chained += 1;
      expect(byName.get(previous)?.last_seq).toBe(previous_last_seq);
    }
    expect(chained).toBe(rounds);
  });

  it('has declared the time between each crash and the next start', async () => {
    const [row] = await line.query<{ restarts: number }>(
      "SELECT count(*)::int AS restarts FROM fieldline.declaration WHERE reason = 'restart' AND kind = 'series'",
    );
    expect(row?.restarts).toBe(rounds);
  });
});
