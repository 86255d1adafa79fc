/** Reads registers of one unit by hand, for commands: over the same link, with the same checks as the driver. */
import { flightRecorderSchema } from '@fieldline/shared/config/flight-recorder';
import { type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import { FieldlineError } from '@fieldline/shared/contracts';
import { type Clock, createMetrics, silentLog } from '@fieldline/shared/runtime';
import { DialIns } from './channels/dial-in.ts';
import { openChannel } from './channels/open-channel.ts';
import { Link } from './link.ts';
import { createModbusMetrics } from './metrics.ts';
import { FlightRecorder } from './recorder/flight-recorder.ts';

export type RegisterReader = {
  /** null: the device refuses these addresses. @throws FieldlineError device/… */
  readonly read: (first: number, count: number) => Promise<readonly number[] | null>;
  readonly close: () => Promise<void>;
};

export type ReaderSettings = { readonly link: ModbusLink; readonly unit: number; readonly timeoutMs: number };

/** Illegal function, illegal data address, illegal data value (Application Protocol v1.1b3, 7). */
const refusals = [1, 2, 3];

/** Of holding registers. */
export function openRegisterReader(
  { link, unit, timeoutMs }: ReaderSettings,
  clock: Clock,
  signal: AbortSignal,
): RegisterReader {
  const name = modbusLinkName(link);
  const metrics = createModbusMetrics(createMetrics());
  const dialIns = new DialIns(silentLog, () => metrics.strangers.inc());
  const parts = { clock, log: silentLog, metrics };
  const recorder = new FlightRecorder(flightRecorderSchema.parse({ memoryBytes: 0 }), parts, []);
  const opened = new Link(link, { ...parts, heldSinceMs: () => null, dialIns, openChannel, recorder });
  opened.expect(unit, null);
  opened.start();
  return {
    read: async (first, count) => {
      const reply = await opened.read({ unit, table: 'holding', first, count, timeoutMs }, signal);
      switch (reply.kind) {
        case 'data':
          return Array.from({ length: count }, (_, index) => reply.data.readUInt16BE(index * 2));
        case 'exception': {
          if (refusals.includes(reply.code)) return null;
          throw new FieldlineError('device/exception', `unit ${unit} on ${name}: exception ${reply.code}`);
        }
        case 'garbled':
          throw new FieldlineError('device/reply', `unit ${unit} on ${name} answers what is no answer`);
        case 'not-connected':
          throw new FieldlineError('device/unreachable', `${name}: ${opened.disconnectedBecause ?? 'no connection'}`);
        default:
          throw new FieldlineError('device/timeout', `unit ${unit} on ${name} does not answer`);
      }
    },
    close: async () => {
      await opened.close();
      await dialIns.close();
    },
  };
}
