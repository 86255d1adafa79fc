import { backboneTopics, FieldlineError } from '@fieldline/shared/contracts';
import { createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { Fetcher } from '../../src/processor/fetcher.ts';
import { Lanes } from '../../src/processor/lanes.ts';
import { Positions } from '../../src/processor/positions.ts';
import { createProcessorMetrics } from '../../src/processor/processor-metrics.ts';
import { openStore } from '../../src/store/connection.ts';
import { configFor, openBackbone } from './line.ts';

test('offsets that could not be read are no trouble any more once they are, also of an idle log', async () => {
  const config = configFor('postgres://nobody@127.0.0.1:1/none', temporaryFolder());
  const backbone = openBackbone(config);
  await backbone.ensureTopic(backboneTopics.raw);
  let isAway = true;
  const fetcher = new Fetcher({
    backbone,
    config,
    source: { backbone: await backbone.identity(), topic: backboneTopics.raw },
    store: openStore(config.database, 'test'),
    lanes: new Lanes(1, 1_000_000),
    positions: new Positions(),
    marks: async () => {
      if (isAway) throw new FieldlineError('database/unreachable', 'the database is away');
      return new Map();
    },
    counts: createProcessorMetrics(createMetrics()),
    clock: systemClock,
    log: silentLog,
  });
  const stop = new AbortController();
  const running = fetcher.run(stop.signal);
  await waitFor(() => fetcher.trouble() === 'the database is away');
  isAway = false;
  await waitFor(() => fetcher.trouble() === null, { what: 'no trouble' });
  expect(await fetcher.lag()).toBe(0);
  stop.abort();
  await running;
  await backbone.close();
});
