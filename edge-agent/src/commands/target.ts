/** Where a device is, as a technician states it on the command line. */
import { parseConfig } from '@fieldline/shared/config/load-config';
import { type ModbusLink, modbusLinkSchema } from '@fieldline/shared/config/modbus-link';
import { issuesOf } from '@fieldline/shared/config/settings-text';
import { isFieldlineError } from '@fieldline/shared/contracts';
import { wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { numberOf } from './number-of.ts';

export const targetOptions = {
  host: { type: 'string' },
  port: { type: 'string' },
  path: { type: 'string' },
  baud: { type: 'string' },
  parity: { type: 'string' },
  link: { type: 'string' },
} as const;
type Values = { readonly [key in keyof typeof targetOptions]?: string };

export const targetUsage = `  --host, --port  of a device on the network (Modbus TCP); the port is 502 unless it is stated
  --path, --baud, --parity  of a serial port (RTU), e.g. /dev/ttyUSB0; 19200 and even unless they are stated
  --link LINK     any other link, as in the settings of a device: '{ kind: rtu-over-tcp, host: 10.0.0.7, port: 4001 }'`;

const largestPort = 65_535;
const largestBaud = 10_000_000;

/** @throws FieldlineError arguments/invalid */
export function linkOf(values: Values, usage: string): ModbusLink {
  const { host, port, path, baud, parity, link } = values;
  const places = [host, path, link].filter((place) => place !== undefined);
  if (places.length === 0) throw wrongArguments('--host, --path or --link is missing', usage);
  if (places.length > 1) throw wrongArguments('--host, --path and --link are different places: state one', usage);
  if (port !== undefined && host === undefined) throw wrongArguments('--port goes with --host', usage);
  if (path === undefined && (baud !== undefined || parity !== undefined)) {
    throw wrongArguments('--baud and --parity go with --path', usage);
  }
  if (link !== undefined) return stated(() => parseConfig(modbusLinkSchema, link, '--link'), usage);
  if (host !== undefined)
    return checked({ kind: 'tcp', host, port: numberOf(port ?? '502', '--port', largestPort, usage, 1) }, usage);
  const baudRate = numberOf(baud ?? '19200', '--baud', largestBaud, usage, 1);
  return checked({ kind: 'rtu', path, baudRate, ...(parity === undefined ? {} : { parity }) }, usage);
}

function checked(link: object, usage: string): ModbusLink {
  const result = issuesOf(modbusLinkSchema, link);
  if (result.issues === null) return result.data;
  const lines = result.issues.map(({ path, message }) => `--${path.join('.')} ${message}`);
  throw wrongArguments(lines.join('\n'), usage);
}

/** What was typed is wrong use, as any other option is. */
function stated(read: () => ModbusLink, usage: string): ModbusLink {
  try {
    return read();
  } catch (error) {
    throw isFieldlineError(error, 'settings/invalid') ? wrongArguments(error.message, usage) : error;
  }
}
