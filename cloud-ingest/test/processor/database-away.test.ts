import { report } from '@fieldline/shared/runtime';
import { describeWith, type OwnPostgres, startPostgres, timescale, waitFor } from '@fieldline/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Gateway, goodSample, type Line, openLine, tagOf } from './line.ts';

const kinds = [
  { name: 'plain PostgreSQL', requirement: { name: 'postgres', skipReason: null }, options: {} },
  { name: 'TimescaleDB', requirement: timescale, options: { timescale: true } },
];

for (const { name, requirement, options } of kinds) {
  describeWith(requirement, `the processor while ${name} is away`, () => {
    let server: OwnPostgres;
    let line: Line;
    beforeEach(async () => {
      server = await startPostgres(options);
      line = await openLine(server);
    });
    afterEach(async () => {
      await line.close();
      await server.close();
    });

    const count = async (table: string): Promise<number> =>
      Number((await line.query<{ n: bigint }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n);

    test('loses nothing, doubles nothing and makes no dead letters when the server is killed under load', async () => {
      const gateways = ['g1', 'g2', 'g3'].map((id) => new Gateway(id));
      await line.start();
      let sent = 0;
      const sendSome = async (): Promise<void> => {
        for (let n = 0; n < 30; n++) {
          await line.send(
            ...gateways.map((gateway) => gateway.batch([goodSample(tagOf('a'), n), goodSample(tagOf('b'), n)])),
          );
          sent += gateways.length * 2;
        }
      };
      for (let kill = 0; kill < 3; kill++) {
        const sending = sendSome();
        await waitFor(async () => (await count('sample')) > sent / 4, { what: 'rows' });
        await server.kill();
        await sending;
        // Whatever was stored before the kill: here is something that was not.
        await line.send(...gateways.map((gateway) => gateway.batch([goodSample(tagOf('a'), kill)])));
        sent += gateways.length;
        await waitFor(() => !report(line.health.ready).ok, { what: 'the processor to say that it is in trouble' });
        await server.start();
      }
      await line.settled();
      await waitFor(() => report(line.health.ready).ok, { what: 'the processor to be well again' });
      expect(await count('sample')).toBe(sent);
      expect(await count('dead_letter')).toBe(0);
      const [sums] = await line.query(
        'SELECT sum(stored)::int AS stored, sum(duplicate_batches)::int AS duplicates FROM stream',
      );
      expect(sums).toEqual({ stored: sent, duplicates: 0 });
    }, 120_000);

    test('starts before the database does', async () => {
      const gateway = new Gateway();
      await line.send(gateway.batch([goodSample(tagOf('a'), 1)]));
      await server.stop();
      const starting = line.start();
      await waitFor(() => !report(line.health.ready).ok);
      await server.start();
      await starting;
      await line.settled();
      expect(await count('sample')).toBe(1);
    }, 60_000);
  });
}
