import type { SimulatorServer } from '@fieldline/shared/config';
import type { FaultKind } from '../faults.ts';
import { createOutage } from '../outage.ts';
import { createRequestFaults } from '../request-faults.ts';
import type { ServerContext, SimulatedServer } from '../server.ts';
import { createAsciiFraming } from './ascii.ts';
import { createBus } from './bus.ts';
import { createConversation } from './conversation.ts';
import { createDialInLine } from './dial-in-line.ts';
import type { Framing } from './framing.ts';
import type { Line, OnPeer } from './line.ts';
import { createMbapFraming } from './mbap.ts';
import { createRtuFraming } from './rtu.ts';
import { createSerialLine } from './serial-line.ts';
import { createTcpLine } from './tcp-line.ts';
import { createUdpLine } from './udp-line.ts';

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
  const framing = framingOf(settings);
  const isSerial = framing !== 'tcp';
  const bus = createBus({ units: settings.units, place, clock, faults, onServed, isSerial });
  const line = lineOf(settings, (peer) => createConversation(bus, framings[framing](), peer));
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

const framings: Record<'tcp' | 'rtu' | 'ascii', () => Framing> = {
  tcp: createMbapFraming,
  rtu: createRtuFraming,
  ascii: createAsciiFraming,
};

function framingOf(settings: ModbusServerSettings): keyof typeof framings {
  switch (settings.protocol) {
    case 'modbus-tcp':
    case 'modbus-udp':
      return 'tcp';
    case 'modbus-rtu':
    case 'modbus-rtu-over-tcp':
      return 'rtu';
    case 'modbus-ascii':
    case 'modbus-ascii-over-tcp':
      return 'ascii';
    case 'modbus-dial-in':
      return settings.framing;
  }
}

function lineOf(settings: ModbusServerSettings, onPeer: OnPeer): Line {
  switch (settings.protocol) {
    case 'modbus-rtu':
      return createSerialLine({ ...settings, dataBits: 8 }, onPeer);
    case 'modbus-ascii':
      return createSerialLine(settings, onPeer);
    case 'modbus-udp':
      return createUdpLine(settings, onPeer);
    case 'modbus-dial-in':
      return createDialInLine(settings, onPeer);
    default:
      return createTcpLine(settings, onPeer);
  }
}
