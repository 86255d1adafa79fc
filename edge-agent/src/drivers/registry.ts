/**
 * Protocol → driver. A driver's module is imported when a device needs it: the OPC UA library alone costs 90 MB. A new
 * protocol in the union of the settings does not compile until it has its line here.
 */
import type { Device, FlightRecorderSettings } from '@fieldline/shared/config';
import type { Driver, DriverContext } from './driver.ts';
import type { TakeFound } from './opcua/nodes/expander.ts';

export type Protocol = Device['protocol'];
type DevicesOf<P extends Protocol> = readonly Extract<Device, { protocol: P }>[];

export type DriverOptions = {
  /** Where drivers keep the certificates that they make and trust. */
  readonly certificateFolder: string;
  readonly flightRecorder: FlightRecorderSettings;
  /** Where drivers keep what they have learned of devices. */
  readonly learnedFile: string;
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

/** Whether a device reports by itself; undefined where none does. */
export function reportingOf(devices: readonly Device[]): ((device: string) => boolean) | undefined {
  const reporting = devices.filter(({ protocol }) => reportsByItself[protocol]).map(({ device }) => device);
  const names = new Set(reporting);
  return names.size === 0 ? undefined : (device) => names.has(device);
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
