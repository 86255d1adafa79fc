import { type BirthMessage, encodeMessage, type TagBirth } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { run } from '../../src/commands/registry.ts';
import type { Line, Sent } from '../processor/line.ts';

export type BornTag = Omit<TagBirth, 'type'> & Partial<Pick<TagBirth, 'type'>>;

export function birthOf(
  gateway: string,
  tags: readonly BornTag[],
  device = 'plc1',
  receivedAt = systemClock.now(),
): Sent {
  const birth: BirthMessage = {
    v: 1,
    gateway,
    part: 1,
    parts: 1,
    devices: [{ device, protocol: 'modbus', tags: tags.map((tag) => ({ type: 'float64', ...tag })) }],
  };
  return { gateway, kind: 'birth', bytes: encodeMessage(birth), receivedAt };
}

/** `fieldline-ingest registry …`: what it prints. */
export async function registry({ config }: Pick<Line, 'config'>, ...args: string[]): Promise<string[]> {
  const said: string[] = [];
  await run({
    config,
    args,
    callOf: (command) => `fieldline-ingest ${command} --config ingest.yaml`,
    clock: systemClock,
    log: silentLog,
    signal: new AbortController().signal,
    say: (line) => void said.push(line),
  });
  return said;
}
