import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { qualityName } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { nextBetween, runAgent } from '../src/run-agent.ts';
import { asyncua } from './drivers/opcua/peers/asyncua.ts';
import { type PlantSettings, startPlant } from './drivers/opcua/peers/asyncua-plant.ts';
import { edgeConfig } from './helpers/agent.ts';
import { type FakeCloud, startFakeCloud } from './helpers/fake-cloud.ts';
import { testGateway } from './helpers/journal.ts';

const plant = (...motors: string[]): PlantSettings => ({
  types: [{ name: 'MotorType', variables: { Speed: ['Double', 1] } }],
  nodes: [{ path: 'Line1', folder: true }, ...motors.map((motor) => ({ path: `Line1/${motor}`, type: 'MotorType' }))],
});

/** Of the birth that came last, in one part. */
function bornTags(cloud: FakeCloud): string[] {
  const birth = cloud.births.at(-1) as { devices: { tags: { tag: string }[] }[] } | undefined;
  return birth?.devices.flatMap(({ tags }) => tags.map(({ tag }) => tag)) ?? [];
}

describeWith(asyncua, 'an agent whose settings have patterns', () => {
  test('starts anew with the tags that it found, keeps those that vanish, and knows them at its next start', async () => {
    const broker = await startAedes();
    const cloud = await startFakeCloud(broker.url);
    const folder = temporaryFolder();
    const first = await startPlant(plant('Motor1', 'Motor2'));
    const config = edgeConfig(broker.url, {
      devices: [
        {
          device: 'plant',
          protocol: 'opcua',
          endpoint: first.endpoint,
          security: { policy: 'None', mode: 'None' },
          namespace: 'urn:plant',
          publishingMs: 50,
          samplingMs: 50,
          patterns: [{ tag: '{1}-speed', path: 'Line1/*/Speed', unit: 'rpm' }],
        },
      ],
    });
    const parts = {
      clock: systemClock,
      log: silentLog,
      configFolder: folder,
      restarts: { settleMs: 50, firstMs: 50, maxMs: 200 },
    };
    const start = () => {
      const stop = new AbortController();
      const running = runAgent(config, parts, stop.signal);
      return async (): Promise<void> => {
        stop.abort();
        await running;
      };
    };
    const last = (tag: string): string | undefined => {
      const samples = cloud.batches.flatMap(({ tags, tagIndex, quality }) =>
        tagIndex.flatMap((index, position) => (tags[index]?.tag === tag ? [qualityName(quality[position] ?? 0)] : [])),
      );
      return samples.at(-1);
    };
    let stop = start();
    onTestFinished(async () => {
      await stop();
      await cloud.close();
      await broker.close();
    });
    await waitFor(() => last('Motor1-speed') === 'good' && last('Motor2-speed') === 'good', {
      timeoutMs: 60_000,
      what: 'speeds of the motors',
    });
    expect(bornTags(cloud)).toEqual(['Motor1-speed', 'Motor2-speed']);
    await first.kill();
    await startPlant({ ...plant('Motor2', 'Motor3'), port: first.port });
    await waitFor(() => last('Motor3-speed') === 'good' && last('Motor1-speed') === 'bad/address', {
      timeoutMs: 60_000,
      what: 'the other motors',
    });
    expect(bornTags(cloud)).toEqual(['Motor1-speed', 'Motor2-speed', 'Motor3-speed']);
    const kept = JSON.parse(readFileSync(join(folder, 'found-tags', `${testGateway}.json`), 'utf8'));
    expect(
      kept.devices.plant.map(({ tag, missingSince }: { tag: string; missingSince: unknown }) => [
        tag,
        missingSince === null,
      ]),
    ).toEqual([
      ['Motor1-speed', false],
      ['Motor2-speed', true],
      ['Motor3-speed', true],
    ]);
    await stop();
    const births = cloud.births.length;
    stop = start();
    await waitFor(() => cloud.births.length > births, { what: 'the birth of the next start' });
    expect(bornTags(cloud)).toEqual(['Motor1-speed', 'Motor2-speed', 'Motor3-speed']);
  }, 150_000);
});

test('starts are a minute apart, then two, up to an hour, and a minute again after one that ran for longer', () => {
  const bounds = { firstMs: 60_000, maxMs: 3_600_000 };
  const minutes: number[] = [];
  let betweenMs = 0;
  for (let start = 0; start < 8; start += 1) {
    betweenMs = nextBetween(betweenMs, betweenMs, bounds);
    minutes.push(betweenMs / 60_000);
  }
  expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(nextBetween(betweenMs, bounds.maxMs + 1, bounds)).toBe(60_000);
});
