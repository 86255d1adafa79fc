/** Puts together who a unit says that it is: its objects come in as many answers as they need. */
import type { HandLink } from '../../drivers/modbus/by-hand.ts';
import { parseIdentification } from '../../drivers/modbus/identification.ts';
import type { IdentificationRequest } from '../../drivers/modbus/request.ts';

/** A unit may give each of its objects in an answer of its own: 0–6 and 0x80–0xFF. */
const mostAnswers = { basic: 3, regular: 7, extended: 7 + 128 } as const;

/** Empty where the unit has none, or does not know the function. What came before it broke off counts. */
export async function identify(
  link: HandLink,
  request: Omit<IdentificationRequest, 'firstObject'>,
): Promise<ReadonlyMap<number, string>> {
  const objects = new Map<number, string>();
  let next: number | null = 0;
  for (let answers = 0; next !== null && answers < mostAnswers[request.category]; answers++) {
    const firstObject: number = next;
    const { reply } = await link.identify({ ...request, firstObject });
    const part = reply.kind === 'data' ? parseIdentification(reply.data) : null;
    for (const [id, text] of part?.objects ?? []) objects.set(id, text);
    // One that goes on with what it gave already would never end.
    next = part?.next != null && part.next > firstObject ? part.next : null;
  }
  return new Map([...objects].filter(([, text]) => text !== '').sort(([one], [other]) => one - other));
}
