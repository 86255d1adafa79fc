/**
 * The units behind one connection or line, and what they do with a request under the faults that stand: the same for
 * TCP, RTU over TCP and serial lines.
 */
import type { ModbusUnit } from '@fieldline/shared/config';
import type { Clock } from '@fieldline/shared/runtime';
import { type PlaceInPlant, registerPoints } from '../points.ts';
import type { RequestFaults } from '../request-faults.ts';
import type { OnServed } from '../served.ts';
import { answer, createImage, deaf, exceptionPdu, type Image, isWrite, resetImage } from './answer.ts';
import { exceptions } from './exceptions.ts';
import type { Request } from './framing.ts';

export type Response = { readonly kind: 'reply'; readonly bytes: Buffer } | { readonly kind: 'silence' | 'disconnect' };

export type Bus = {
  /** How long the answer to this request is to be held back, and then what it is. */
  readonly receive: (request: Request) => { readonly delayMs: number; readonly respond: () => Response };
  /** Forgets what clients have written. */
  readonly reset: () => void;
};

export type BusOptions = {
  readonly units: readonly ModbusUnit[];
  readonly place: PlaceInPlant;
  readonly clock: Clock;
  readonly faults: RequestFaults;
  readonly onServed: OnServed | undefined;
  /**
   * On a serial line nobody answers for a unit that is not there, and unit 0 speaks to all, who do not answer
   * (MODBUS over Serial Line v1.02, 2.1); behind a TCP gateway the gateway says so.
   */
  readonly isSerial: boolean;
};

type Unit = { readonly name: string; readonly image: Image };

const silence: Response = { kind: 'silence' };

export function createBus({ units, place, clock, faults, onServed, isSerial }: BusOptions): Bus {
  const byNumber = new Map<number, Unit>(
    units.map((unit) => [unit.unit, { name: unit.name, image: createImage(registerPoints(unit, place)) }]),
  );
  const respond = ({ pdu, reply }: Request, { name, image }: Unit): Response => {
    const time = clock.now();
    const { pdu: answered, served } = answer(image, pdu, time / 1_000, onServed !== undefined);
    if (served.length > 0) onServed?.(served.map(({ point, value }) => ({ time, device: name, point, value })));
    return { kind: 'reply', bytes: reply(answered) };
  };
  const muted = (request: Request, unit: Unit): Response => {
    respond(request, unit);
    return silence;
  };
  const broadcast = ({ pdu }: Request): Response => {
    if (isWrite(pdu[0])) for (const { image } of byNumber.values()) answer(image, pdu, clock.now() / 1_000, false);
    return silence;
  };
  const nobody = ({ pdu, reply }: Request): Response =>
    isSerial
      ? silence
      : { kind: 'reply', bytes: reply(exceptionPdu(pdu[0] ?? 0, exceptions.gatewayTargetFailedToRespond)) };
  return {
    receive: (request) => {
      if (isSerial && request.unit === 0) return { delayMs: 0, respond: () => broadcast(request) };
      const unit = byNumber.get(request.unit);
      if (unit === undefined) return { delayMs: 0, respond: () => nobody(request) };
      const fault = faults.take(unit.name);
      switch (fault?.kind) {
        case 'no-answer':
          return { delayMs: 0, respond: () => silence };
        case 'disconnect':
          return { delayMs: 0, respond: () => ({ kind: 'disconnect' }) };
        case 'exception': {
          const bytes = request.reply(exceptionPdu(request.pdu[0] ?? 0, fault.code));
          return { delayMs: 0, respond: () => ({ kind: 'reply', bytes }) };
        }
        case 'ignore-writes':
          return { delayMs: 0, respond: () => respond(request, { ...unit, image: deaf(unit.image) }) };
        case 'mute-writes':
          return {
            delayMs: 0,
            respond: () => (isWrite(request.pdu[0]) ? muted(request, unit) : respond(request, unit)),
          };
        case 'delay':
          return { delayMs: fault.delayMs, respond: () => respond(request, unit) };
        case undefined:
          return { delayMs: 0, respond: () => respond(request, unit) };
      }
    },
    reset: () => {
      for (const { image } of byNumber.values()) resetImage(image);
    },
  };
}
