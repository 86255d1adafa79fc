/**
 * Faults by a seed: each once, in an order that the seed gives, and then at random by their weights. A fault strikes one or
 * more parts, lasts for a while and is mended; a part is struck by one fault at a time, several parts may lie down together.
 * What a fault does not mend, the line has to mend by itself.
 */
import { explain, pause } from '@fieldline/shared/runtime';
import { createRandom, type Random } from './random.ts';

export type Fault<Struck> = {
  readonly name: string;
  /** How often beside the others. */
  readonly weight: number;
  /** What it lays down: one fault at a time for each. Drawn when it is its turn. */
  readonly parts: (struck: Struck, random: Random) => readonly string[];
  /** Resolves when it is mended. `parts`: those that were drawn. */
  readonly strike: (struck: Struck, random: Random, parts: readonly string[]) => Promise<void>;
};

export type StrikeOptions<Struck> = {
  readonly faults: readonly Fault<Struck>[];
  readonly struck: Struck;
  readonly seed: number;
  /** Faults that strike. */
  readonly rounds: number;
  readonly mostBetweenMs: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

const retryMs = 500;
const mostTries = 60;

/** How often each fault struck, by its name. */
export async function strikeAll<Struck>(options: StrikeOptions<Struck>): Promise<Map<string, number>> {
  const { faults, struck, seed, rounds, mostBetweenMs, signal, say } = options;
  const counts = new Map<string, number>();
  const busy = new Map<string, Promise<void>>();
  const first = shuffled(faults, createRandom(seed, 0));
  const startedMs = performance.now();
  for (let round = 1; round <= rounds && !signal.aborted; round++) {
    // Of its own for each round: several faults draw at the same time, and the choices must not depend on who comes first.
    const random = createRandom(seed, round);
    await pause(random.between(0, mostBetweenMs), signal);
    const fault = first.shift() ?? draw(faults, random);
    const parts = fault.parts(struck, random);
    await Promise.all(parts.map((part) => busy.get(part)));
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    say(`${seconds.padStart(7)} s  ${String(round).padStart(4)}  ${fault.name} (${parts.join(', ')})`);
    counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    const mended = untilStruck(fault, () => fault.strike(struck, random, parts), signal);
    // The first that cannot be mended ends the run, also while others lie down; it is thrown where it is waited for.
    mended.catch(() => {});
    for (const part of parts) busy.set(part, mended);
  }
  await Promise.all(busy.values());
  return counts;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  return items.map(() => left.splice(random.between(0, left.length - 1), 1)[0] as Item);
}

/** A fault that needs a part that lies down just now waits for it. */
async function untilStruck({ name }: { name: string }, strike: () => Promise<void>, signal: AbortSignal) {
  for (let tries = mostTries; ; tries--) {
    try {
      await strike();
      return;
    } catch (error) {
      if (tries === 0 || signal.aborted) throw new Error(`${name}: ${explain(error)}`, { cause: error });
      await pause(retryMs);
    }
  }
}

function draw<Struck>(faults: readonly Fault<Struck>[], random: Random): Fault<Struck> {
  let left = random.next() * faults.reduce((sum, { weight }) => sum + weight, 0);
  for (const fault of faults) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  return faults[0] as Fault<Struck>;
}
