import { startAedes, startPostgres, waitFor } from '@fieldline/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { startLine } from './line.ts';

describe('a database that goes away', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  it.each(['stopped', 'killed'] as const)(
    '%s and started again: the flow resumes, nothing missing, no dead letter of it',
    async (how) => {
      const server = await startPostgres();
      closers.push(server.close);
      const database = await server.createDatabase();
      const broker = await startAedes();
      closers.push(broker.close);
      const line = await startLine({ brokerUrl: broker.url, databaseUrl: database.url });
      closers.push(line.close);
      await line.flows();
      await (how === 'stopped' ? server.stop() : server.kill());
      const until = line.served.length + 400;
      await waitFor(() => line.served.length > until, {
        timeoutMs: 60_000,
        what: 'readings while the database is away',
      });
      await server.start();
      await line.flows(400);
      await line.settle();
      const letters = await line.query('SELECT 1 FROM fieldline.dead_letter');
      expect(letters).toEqual([]);
      await expectAllStored(line);
    },
    180_000,
  );
});
