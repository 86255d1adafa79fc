/** Minutes of a connection that comes and goes, in model time, as `model-bus.ts` has it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Channel, unreachable } from '../../../src/drivers/modbus/channels/channel.ts';
import type { Address } from '../../../src/drivers/modbus/channels/open-channel.ts';
import type { Link } from '../../../src/drivers/modbus/link.ts';
import { createFakeChannel } from './fake-channel.ts';
import { createLinkBy, useModelClock } from './model-bus.ts';
import { frameOf } from './plc.ts';

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

const request = { unit: 1, table: 'holding', first: 0, count: 1, timeoutMs: 100 } as const;
const withBackup = { kind: 'tcp', host: 'a', backup: { host: 'b', returnAfterMs: 1_000 } };

/** A channel to a device that answers each request after 5 ms; `answered` is called then. */
function answering(answered: (channel: Channel) => void = () => {}): Channel {
  const { channel, receive } = createFakeChannel();
  const write = (asked: Buffer): void => {
    setTimeout(() => {
      receive(frameOf('tcp', asked.readUInt16BE(0), Buffer.of(1, 3, 2, 0, 9)));
      answered(channel);
    }, 5);
  };
  return { ...channel, write };
}

/** Reads once a second; gives how many of these times there was data. */
async function readFor(link: Link, seconds: number): Promise<number> {
  const never = new AbortController().signal;
  let good = 0;
  for (let second = 0; second < seconds; second++) {
    const reading = link.read(request, never);
    await vi.advanceTimersByTimeAsync(1_000);
    if ((await reading).kind === 'data') good += 1;
  }
  return good;
}

async function close(link: Link): Promise<void> {
  const closing = link.close();
  await vi.advanceTimersByTimeAsync(100);
  await closing;
}

test('a device that cuts the connection after each answer is connected anew as soon after each', async () => {
  const { link } = createLinkBy({ kind: 'tcp', host: 'a' }, async () => answering((channel) => channel.end('cut')));
  link.start();
  expect(await readFor(link, 120)).toBeGreaterThan(100);
  await close(link);
});

describe('a device with a second address', () => {
  test('is tried ever more seldom while neither of them can be connected', async () => {
    let tries = 0;
    const { link } = createLinkBy(withBackup, async () => {
      tries += 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
      throw unreachable('no');
    });
    link.start();
    await vi.advanceTimersByTimeAsync(10_000);
    await close(link);
    expect(tries).toBeGreaterThanOrEqual(6);
    expect(tries).toBeLessThanOrEqual(20);
  });

  test('is tried ever more seldom at the first while that connects and is silent', async () => {
    const opened: (Address | null)[] = [];
    const { link } = createLinkBy(withBackup, async (_settings, at) => {
      opened.push(at);
      return at?.host === 'a' ? createFakeChannel().channel : answering();
    });
    link.start();
    expect(await readFor(link, 120)).toBeGreaterThan(110);
    await close(link);
    const tries = opened.filter((at) => at?.host === 'a').length;
    expect(tries).toBeGreaterThanOrEqual(8);
    expect(tries).toBeLessThanOrEqual(30);
  });
});
