/** Some hours of readings, as a replay goes over them. */
import { type Gateway, goodSample, type Line, type Sent, tagOf } from '../processor/line.ts';

export const hours = 5;
export const minuteMs = 60_000;
export const dayMs = 24 * 60 * minuteMs;

/** A batch of each gateway every ten minutes, from hours ago until now. */
export async function fill(line: Line, now: number, ...gateways: readonly Gateway[]): Promise<void> {
  const sent: Sent[] = [];
  for (let minute = hours * 60; minute >= 0; minute -= 10)
    for (const gateway of gateways) sent.push(batchAt(gateway, now - minute * minuteMs));
  await line.send(...sent);
  await line.settled();
}

export const batchAt = (gateway: Gateway, ms: number): Sent =>
  gateway.batch(['a', 'b'].map((tag, n) => goodSample(tagOf(tag), (ms / 1_000) % 1_000, ms * 1_000 + n)));

export type Reading = { time: Date; gateway: string; tag: string; value: number };

export const readings = (line: Line): Promise<Reading[]> =>
  line.query<Reading>('SELECT time, gateway, tag, value, text, quality FROM reading ORDER BY 1, 2, 3');
