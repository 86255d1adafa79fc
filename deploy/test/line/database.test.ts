import { type OwnPostgres, startAedes, startPostgres, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { type Line, startLine } from './line.ts';

describe('a database that goes away', () => {
  const closers: (() => Promise<void>)[] = [];
  let server: OwnPostgres;
  let line: Line;

  beforeAll(async () => {
    server = await startPostgres();
    closers.push(server.close);
    const database = await server.createDatabase();
    const broker = await startAedes();
    closers.push(broker.close);
    line = await startLine({ brokerUrl: broker.url, databaseUrl: database.url });
    closers.push(line.close);
    await line.flows();
  }, 120_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  it.each(['stopped', 'killed'] as const)(
    '%s and started again: the flow resumes',
    async (how) => {
      await (how === 'stopped' ? server.stop() : server.kill());
      const until = line.served.length + 400;
      await waitFor(() => line.served.length > until, {
        timeoutMs: 60_000,
        what: 'readings while the database is away',
      });
      await server.start();
      await line.flows(400);
    },
    180_000,
  );

  it('has neither lost nor doubled anything by it, and made no dead letter of it', async () => {
    await line.settle();
    expect(await line.query('SELECT 1 FROM fieldline.dead_letter')).toEqual([]);
    await expectAllStored(line);
  }, 120_000);
});
