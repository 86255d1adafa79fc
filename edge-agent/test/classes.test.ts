import { join } from 'node:path';
import { type EdgeConfig, edgeSchema } from '@fieldline/shared/config';
import type { Sample, Tag } from '@fieldline/shared/contracts';
import { describeWith, freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { classesOf, classOf } from '../src/classes.ts';
import { device, startUnconnected, tcp } from './drivers/modbus/rig.ts';
import { edgeConfig, numbers, startTestAgent } from './helpers/agent.ts';
import { startFakeCloud } from './helpers/fake-cloud.ts';
import { openJournal, samplesOf } from './helpers/journal.ts';

const link = { kind: 'tcp', host: '127.0.0.1' };
const devices = [
  {
    device: 'pump',
    protocol: 'modbus',
    link,
    class: 'energy',
    tags: [
      { tag: 'power', address: 0, type: 'float64' },
      { tag: 'leak', address: 4, type: 'float64', class: 'alarm' },
    ],
  },
  { device: 'tank', protocol: 'modbus', link, tags: [{ tag: 'level', address: 0, type: 'float64' }] },
];
const tagOf = (device: string, tag: string): Tag => ({ device, tag, type: 'float64' });
const leak = tagOf('pump', 'leak');
const level = tagOf('tank', 'level');

describe('the class of a tag', () => {
  const { devices: map }: EdgeConfig = edgeConfig('mqtt://127.0.0.1', { devices });

  it('is stated by it or by its device, and is process otherwise', () => {
    const samples = [level, leak, tagOf('pump', 'power'), leak].map((tag, time): Sample => {
      return { tag, time, value: 1, quality: 0 };
    });
    const { inUse, apart } = classesOf(map);
    expect(inUse).toEqual(['process', 'energy', 'alarm']);
    const times = [...apart(samples)].map(([tagClass, some]) => [tagClass, some.map(({ time }) => time)]);
    expect(times).toEqual([
      ['process', [0]],
      ['alarm', [1, 3]],
      ['energy', [2]],
    ]);
  });

  it('is alarm for a tag that takes events, unless it or its device states another', () => {
    const events = { tag: 'events', node: 'i=2253', type: 'string', events: {} };
    const server = { protocol: 'opcua', endpoint: 'opc.tcp://127.0.0.1:4840' };
    const servers = [
      {
        ...server,
        device: 'first',
        tags: [events, { tag: 'level', node: 'i=2258' }, { ...events, tag: 'own', class: 'debug' }],
      },
      { ...server, device: 'second', class: 'energy', tags: [events] },
    ];
    const { devices: given } = edgeConfig('mqtt://127.0.0.1', { devices: servers });
    const classes = given.flatMap((device) =>
      device.tags.map((tag) => `${device.device}/${tag.tag} ${classOf(tag, device)}`),
    );
    expect(classes).toEqual(['first/events alarm', 'first/level process', 'first/own debug', 'second/events energy']);
    expect(classesOf(given).inUse).toEqual(['debug', 'process', 'energy', 'alarm']);
  });

  it('is that of its request where it is the highest of all that are read with it', async () => {
    const classes = ['process', 'alarm', 'debug'] as const;
    const tags = classes.map((tagClass, address) => ({ tag: tagClass, address, class: tagClass }));
    const { driver } = startUnconnected([device({ link: tcp(await freePort()), tags })]);
    expect(driver.requests.map((request) => request.class)).toEqual(['alarm']);
  });

  it('that is unknown is refused with those that are known', () => {
    const [, tank] = devices;
    const wrong = { gateway: 'g', uplink: { broker: 'mqtt://h' }, devices: [{ ...tank, class: 'critical' }] };
    expect(edgeSchema.safeParse(wrong).error?.issues[0]).toMatchObject({ path: ['devices', 0, 'class'] });
  });
});

describeWith(mosquitto, 'an agent with alarms', () => {
  it('sends them first after an outage, and each class in batches of its own', async () => {
    const broker = await mosquitto.start();
    onTestFinished(() => broker.close());
    const folder = temporaryFolder();
    const journal = openJournal(join(folder, 'journal'), { classes: ['process', 'alarm'] });
    for (let flush = 0; flush < 50; flush++) {
      journal.record(samplesOf(10, level), 0, 'process');
      if (flush >= 40) journal.record(samplesOf(1, leak), 0, 'alarm');
      journal.flush();
    }
    const ordinary = journal.streams().filter((stream) => stream.class === 'process');
    journal.close();
    const cloud = await startFakeCloud(broker.url);
    onTestFinished(() => cloud.close());
    // A cloud that has seen none of it yet asks for it as for any hole, which makes it no more urgent than alarms.
    for (const { stream, last } of ordinary) {
      cloud.committed.set(stream, []);
      cloud.ask.set(stream, [[1, last]]);
    }
    cloud.acknowledge();
    const uplink = { backlog: { messagesPerSecond: 20 } };
    const agent = await startTestAgent(folder, edgeConfig(broker.url, { devices, uplink }));
    onTestFinished(() => agent.close());
    await waitFor(() => cloud.batches.length >= 65, { what: 'the backlog and the beginning of three streams' });
    const own = cloud.batches.filter(({ sent }) => sent > 0).map((batch) => batch.class ?? 'process');
    expect(own).toEqual([...Array(10).fill('alarm'), ...Array(50).fill('process')]);
    const before = cloud.batches.length;
    agent.emit(numbers(0, 3), level);
    agent.emit([1], leak);
    await waitFor(() => cloud.batches.length === before + 2, { what: 'a batch of each class' });
    expect(cloud.batches.slice(before).map(({ sent, tags, ...batch }) => [batch.class, tags, sent])).toEqual([
      [undefined, [level], 3],
      ['alarm', [leak], 1],
    ]);
    for (const committed of cloud.committed.values()) expect(committed).toEqual([[1, committed.at(-1)?.[1]]]);
  });
});
