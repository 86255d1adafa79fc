/**
 * Protocol → driver. A driver's module is imported when a device needs it: the OPC UA library alone costs 90 MB. A new
 * protocol in the union of the settings does not compile until it has its line here.
 */
import type { FlightRecorderSettings } from '@fieldline/shared/config';
import { type Device, takesEvents } from '@fieldline/shared/config/edge';
import type { Tag } from '@fieldline/shared/contracts';
import type { Driver, DriverContext } from './driver.ts';
import { conditionIn, type Subject } from './opcua/events/condition-text.ts';
import type { TakeFound } from './opcua/nodes/expander.ts';

export type Protocol = Device['protocol'];
type DevicesOf<P extends Protocol> = readonly Extract<Device, { protocol: P }>[];

export type DriverOptions = {
  /** Where drivers keep the certificates that they make and trust. */
  readonly certificateFolder: string;
  readonly flightRecorder: FlightRecorderSettings;
  /** Where drivers keep what they have learned of devices. */
  readonly learnedFile: string;
  /** Where drivers note which times of tags may still miss values. */
  readonly gapFile: string;
  /** Gets what the patterns of settings stand for on a server. */
  readonly takeFound?: TakeFound | undefined;
};

type Loaders = {
  readonly [P in Protocol]: (
    devices: DevicesOf<P>,
    context: DriverContext,
    options: DriverOptions,
  ) => Driver | Promise<Driver>;
};

/** The lightest first: in this order they are loaded. */
const loaders: Loaders = {
  modbus: async (devices, context, options) => {
    const { createModbusDriver } = await import('./modbus/driver.ts');
    return createModbusDriver(devices, context, options.flightRecorder, options.learnedFile);
  },
  opcua: async (devices, context, options) => {
    const { createOpcuaDriver } = await import('./opcua/driver.ts');
    return createOpcuaDriver(devices, context, options);
  },
};

const isProtocol = (name: string): name is Protocol => name in loaders;

/** Whose devices say by themselves what changed: after a restart they say again what was said before. */
const reportsByItself: Readonly<Record<Protocol, boolean>> = { modbus: false, opcua: true };

export type Remembered = {
  /** undefined: no device reports by itself. */
  readonly isRemembered: ((device: string) => boolean) | undefined;
  readonly subjectOf: (tag: Tag, text: string) => Subject | null;
};

/** Of whose samples the journal remembers the last ones, and which of their texts tell of several things: events, of conditions. */
export function rememberedOf(devices: readonly Device[]): Remembered {
  const reporting = devices.filter(({ protocol }) => reportsByItself[protocol]);
  const names = new Set(reporting.map(({ device }) => device));
  const ofEvents = new Set(
    reporting.flatMap(({ device, tags }) => tags.filter(takesEvents).map(({ tag }) => `${device}/${tag}`)),
  );
  return {
    isRemembered: names.size === 0 ? undefined : (device) => names.has(device),
    subjectOf: ({ device, tag }, text) => (ofEvents.has(`${device}/${tag}`) ? conditionIn(text) : null),
  };
}

export const protocolsOf = (devices: readonly Device[]): Protocol[] =>
  Object.keys(loaders)
    .filter(isProtocol)
    .filter((name) => devices.some(({ protocol }) => protocol === name));

/** The driver for all devices of one protocol. */
export async function loadDriver<P extends Protocol>(
  protocol: P,
  devices: readonly Device[],
  context: DriverContext,
  options: DriverOptions,
): Promise<Driver> {
  const own = devices.filter((device): device is Extract<Device, { protocol: P }> => device.protocol === protocol);
  return await loaders[protocol](own, context, options);
}
