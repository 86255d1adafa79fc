/** Who is on a bus: every unit id is asked for a register, and who answers, in whatever way, who it is. */
import type { HandLink } from '../../drivers/modbus/by-hand.ts';
import { exceptionName } from '../../drivers/modbus/exceptions.ts';
import type { IdentificationCategory } from '../../drivers/modbus/identification.ts';
import { identify } from './identify.ts';

export type FoundUnit = {
  readonly unit: number;
  readonly roundTripMs: number;
  /** How it answered to the read of the register. */
  readonly answer: string;
  /** By object id, in this order; empty where the unit gives none. */
  readonly identity: ReadonlyMap<number, string>;
};

export type ScanSettings = {
  readonly units: readonly number[];
  readonly timeoutMs: number;
  /** The register that is asked for. */
  readonly address: number;
  readonly category: IdentificationCategory;
};

/** A gateway that says so of a unit that does not answer. */
const gatewayExceptions = [10, 11];
const unknown: ReadonlyMap<number, string> = new Map();

/** `asked`: called after each unit. Ends when the link is stopped. @throws FieldlineError device/unreachable */
export async function* scan(link: HandLink, settings: ScanSettings, asked: () => void): AsyncGenerator<FoundUnit> {
  const { units, timeoutMs, address, category } = settings;
  for (const unit of units) {
    const { reply, roundTripMs } = await link.read({ unit, table: 'holding', first: address, count: 1, timeoutMs });
    if (reply.kind === 'aborted') return;
    asked();
    if (reply.kind === 'timeout' || reply.kind === 'not-connected') continue;
    if (reply.kind === 'exception' && gatewayExceptions.includes(reply.code)) continue;
    if (reply.kind === 'garbled') {
      yield {
        unit,
        roundTripMs,
        answer: 'something answers, but damaged: two units of this id, or another baud rate or parity?',
        identity: unknown,
      };
      continue;
    }
    const answer =
      reply.kind === 'data'
        ? `holding ${address} is ${reply.data.readUInt16BE(0)}`
        : `holding ${address}: ${exceptionName(reply.code)}`;
    yield { unit, roundTripMs, answer, identity: await identify(link, { unit, category, timeoutMs }) };
  }
}
