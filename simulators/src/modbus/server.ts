import type { SimulatorServer } from '@fieldline/shared/config';
import type { FaultKind } from '../faults.ts';
import { createOutage } from '../outage.ts';
import { createRequestFaults } from '../request-faults.ts';
import type { ServerContext, SimulatedServer } from '../server.ts';
import { createBus } from './bus.ts';
import { createConversation } from './conversation.ts';
import type { Line, OnPeer } from './line.ts';
import { createMbapFraming } from './mbap.ts';
import { createRtuFraming } from './rtu.ts';
import { createSerialLine } from './serial-line.ts';
import { createTcpLine } from './tcp-line.ts';

export type ModbusServerSettings = Exclude<SimulatorServer, { protocol: 'opcua' }>;

const requestKinds: readonly FaultKind[] = [
  'no-answer',
  'exception',
  'delay',
  'disconnect',
  'ignore-writes',
  'mute-writes',
];

/** @throws FieldlineError port/in-use, device/unreachable (serial port) */
export async function startModbus(settings: ModbusServerSettings, context: ServerContext): Promise<SimulatedServer> {
  const { place, clock, log, onServed } = context;
  const name = place.server;
  const faults = createRequestFaults();
  const isSerial = settings.protocol !== 'modbus-tcp';
  const bus = createBus({ units: settings.units, place, clock, faults, onServed, isSerial });
  const line = lineOf(settings, (peer) =>
    createConversation(bus, isSerial ? createRtuFraming() : createMbapFraming(), peer),
  );
  await line.up();
  const down = async (): Promise<void> => {
    await line.down();
    bus.reset();
  };
  const outage = createOutage(name, { up: () => line.up(), down }, log);
  return {
    name,
    address: { name, protocol: settings.protocol, ...line.address },
    parts: settings.units.map((unit) => unit.name),
    serverFaults: [...requestKinds, 'refuse', 'restart'],
    partFaults: requestKinds,
    setFault: async (part, fault) => {
      if (fault === null) {
        faults.set(part, null);
        if (part === null) await outage.set(null);
      } else if (fault.kind === 'refuse' || fault.kind === 'restart') {
        await outage.set(fault);
      } else if (fault.kind !== 'bad') {
        faults.set(part, fault);
      }
    },
    standingFaults: () => {
      const standing = outage.standing();
      return [...faults.standing(), ...(standing === null ? [] : [{ part: null, fault: standing }])];
    },
    close: outage.close,
  };
}

function lineOf(settings: ModbusServerSettings, onPeer: OnPeer): Line {
  return settings.protocol === 'modbus-rtu' ? createSerialLine(settings, onPeer) : createTcpLine(settings, onPeer);
}
