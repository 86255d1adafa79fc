/** What can happen at a site, and to the broker. */
import { pause } from '@fieldline/shared/runtime';
import type { Random } from '../random.ts';
import type { Fault } from '../strike-all.ts';
import type { Line } from './line.ts';
import type { Site } from './site.ts';

export type Struck = { readonly line: Line; readonly sites: readonly Site[] };

/** Names of what a fault needs of the machine, as their requirements name them. */
export type Need = 'tmpfs' | 'faketime';

type SiteFault = {
  readonly name: string;
  readonly weight: number;
  readonly needs?: Need;
  readonly parts: readonly ('agent' | 'link' | 'disk' | 'clock')[];
  readonly strike: (site: Site, random: Random) => Promise<void>;
};

const mostAwayMs = 2_000;
const away = (random: Random): Promise<boolean> => pause(random.between(0, mostAwayMs));
const hourMs = 3_600_000;

const siteFaults: readonly SiteFault[] = [
  {
    name: 'agent killed',
    weight: 8,
    parts: ['agent'],
    strike: async ({ agent }, random) => {
      await agent.kill();
      await away(random);
      await agent.start();
    },
  },
  {
    name: 'agent killed, and again while it starts',
    weight: 3,
    parts: ['agent'],
    strike: async ({ agent }, random) => {
      await agent.kill();
      // It is not to come up: whether it does depends on when it is killed.
      const starting = agent.start().catch(() => {});
      await pause(random.between(50, 1_500));
      await agent.kill();
      await starting;
      await agent.start();
    },
  },
  {
    name: 'agent stopped',
    weight: 1,
    parts: ['agent'],
    strike: async ({ agent }, random) => {
      await agent.stop();
      await away(random);
      await agent.start();
    },
  },
  {
    name: 'link cut',
    weight: 3,
    parts: ['link'],
    strike: async ({ link }, random) => {
      link.cut();
      await away(random);
      link.restore();
    },
  },
  {
    name: 'link flaps',
    weight: 2,
    parts: ['link'],
    strike: async ({ link }, random) => {
      for (let left = random.between(3, 10); left > 0; left--) {
        link.cut();
        await pause(random.between(0, 200));
        link.restore();
        await pause(random.between(100, 1_200));
      }
    },
  },
  {
    name: 'link silently dead',
    weight: 3,
    parts: ['link'],
    strike: async ({ link }, random) => {
      link.swallow();
      await pause(random.between(0, 5_000));
      link.restore();
    },
  },
  {
    name: 'disk full',
    weight: 3,
    needs: 'tmpfs',
    parts: ['disk'],
    strike: async ({ disk }, random) => {
      disk?.fill();
      await pause(random.between(500, 8_000));
      disk?.makeRoom();
    },
  },
  {
    // A file system that is in use is made read-only by its own trouble alone: so it is found so at a start.
    name: 'agent killed, its disk read-only',
    weight: 2,
    needs: 'tmpfs',
    parts: ['agent', 'disk'],
    strike: async ({ agent, disk }, random) => {
      await agent.kill();
      disk?.makeReadOnly();
      try {
        await agent.start();
        await pause(random.between(0, 6_000));
      } finally {
        disk?.makeWritable();
      }
    },
  },
  {
    name: 'clock set',
    weight: 3,
    needs: 'faketime',
    parts: ['clock'],
    strike: async ({ clock }, random) => {
      const near = random.between(-30_000, 30_000);
      clock.set(random.pick([hourMs, -hourMs, near, near, 0]));
    },
  },
];

const onOneSite = ({ name, weight, parts, strike }: SiteFault): Fault<Struck> => ({
  name,
  weight,
  parts: ({ sites }, random) => {
    const { gateway } = random.pick(sites);
    return parts.map((part) => `${gateway} ${part}`);
  },
  strike: ({ sites }, random, drawn) => {
    const site = sites.find(({ gateway }) => drawn[0]?.startsWith(`${gateway} `));
    if (site === undefined) throw new Error(`there is no site of ${drawn[0]}`);
    return strike(site, random);
  },
});

const brokerLost: Fault<Struck> = {
  name: 'broker killed, its state lost',
  weight: 1,
  parts: () => ['broker'],
  strike: async ({ line: { broker } }, random) => {
    await broker.kill();
    broker.wipe();
    await away(random);
    await broker.start();
  },
};

/** Those that a machine can do which has `there`. */
export const faultsWith = (there: readonly Need[]): readonly Fault<Struck>[] => [
  ...siteFaults.filter(({ needs }) => needs === undefined || there.includes(needs)).map(onOneSite),
  brokerLost,
];
