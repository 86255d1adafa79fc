/** Who is on a bus: every unit id is asked for a register, and who answers, in whatever way, who it is. */
import type { HandLink } from '../../drivers/modbus/by-hand.ts';
import { exceptionName } from '../../drivers/modbus/exceptions.ts';
import { parseIdentification } from '../../drivers/modbus/identification.ts';

export type FoundUnit = {
  readonly unit: number;
  readonly roundTripMs: number;
  /** How it answered to the read of the register. */
  readonly answer: string;
  /** Vendor name, product code and revision, where the unit gives them. */
  readonly identity: string | null;
};

export type ScanSettings = {
  readonly units: readonly number[];
  readonly timeoutMs: number;
  /** The register that is asked for. */
  readonly address: number;
};

/** A gateway that says so of a unit that does not answer. */
const gatewayExceptions = [10, 11];
/** Objects of the basic category may come in as many answers. */
const mostIdentificationAnswers = 3;

/** `asked`: called after each unit. Ends when the link is stopped. @throws FieldlineError device/unreachable */
export async function* scan(link: HandLink, settings: ScanSettings, asked: () => void): AsyncGenerator<FoundUnit> {
  const { units, timeoutMs, address } = settings;
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
        identity: null,
      };
      continue;
    }
    const answer =
      reply.kind === 'data'
        ? `holding ${address} is ${reply.data.readUInt16BE(0)}`
        : `holding ${address}: ${exceptionName(reply.code)}`;
    yield { unit, roundTripMs, answer, identity: await identityOf(link, unit, timeoutMs) };
  }
}

/** null: the unit has none, or does not know the function. */
async function identityOf(link: HandLink, unit: number, timeoutMs: number): Promise<string | null> {
  const objects = new Map<number, string>();
  let next: number | null = 0;
  for (let answers = 0; next !== null && answers < mostIdentificationAnswers; answers++) {
    const { reply } = await link.identify(unit, next, timeoutMs);
    const part = reply.kind === 'data' ? parseIdentification(reply.data) : null;
    for (const [id, text] of part?.objects ?? []) objects.set(id, text);
    next = part?.next ?? null;
  }
  const words = [...objects]
    .filter(([, text]) => text !== '')
    .sort(([one], [other]) => one - other)
    .map(([, text]) => text);
  return words.length === 0 ? null : words.join(', ');
}
