/** Where a Modbus device is reached, and how its frames stand on the wire. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { durationMs, host, listenPort, port } from './units.ts';

const pauseMs = z.int().nonnegative().max(60_000).default(0);

/** Of every link: for gateways and devices that lose a request which comes too soon. */
const pauseShape = {
  pauseAfterConnectMs: pauseMs.describe('between the connection and the first request'),
  pauseBetweenMs: pauseMs.describe('between an answer and the next request'),
};

const backup = z
  .strictObject({
    host,
    port: port.optional().describe('the default is that of the link'),
    returnAfterMs: durationMs
      .default(300_000)
      .describe('while the backup is in use, the first address is tried this often; seldomer while it stays silent'),
  })
  .optional()
  .describe('second address of the same device: in use while the first cannot be connected or does not answer');

const networkShape = { ...pauseShape, backup };

const serialShape = {
  path: z.string().min(1).describe('serial port, e.g. /dev/ttyUSB0'),
  baudRate: z.int().positive().default(19_200),
  parity: z.enum(['none', 'even', 'odd']).default('even'),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
  rs485: z
    .strictObject({
      rts: z
        .enum(['high-while-sending', 'low-while-sending'])
        .describe('level of RTS that switches the transceiver to sending'),
      beforeMs: pauseMs.describe('from the switch to the first byte'),
      afterMs: pauseMs.describe('from the last byte to the switch back'),
    })
    .optional()
    .describe(
      'for a transceiver that the program has to switch by RTS. Most adapters switch by themselves, and a port whose driver can do it is set up once with rs485conf or in the device tree: faster and surer than any program',
    ),
  ...pauseShape,
};
const dataBits = z.union([z.literal(7), z.literal(8)]);
const rtuDataBits = dataBits
  .refine((bits) => bits === 8, 'RTU needs 8 data bits: 7 is for ascii')
  .describe('8: RTU carries whole bytes, and 7 is for ascii');

/** A text as the device sends it, or bytes. */
const announcement = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !text.startsWith('0x') || /^0x([0-9a-fA-F]{2})+$/.test(text), 'bytes are two digits each: 0x0A1B');

/** All devices with the same link share one connection. */
export const modbusLinkSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tcp'), host, port: port.default(502), ...networkShape }),
  z.strictObject({ kind: z.literal('udp'), host, port: port.default(502), ...networkShape }),
  z.strictObject({ kind: z.literal('rtu-over-tcp'), host, port, ...networkShape }),
  z.strictObject({ kind: z.literal('ascii-over-tcp'), host, port, ...networkShape }),
  z.strictObject({ kind: z.literal('rtu'), ...serialShape, dataBits: rtuDataBits.default(8) }),
  z.strictObject({ kind: z.literal('ascii'), ...serialShape, dataBits: dataBits.default(7) }),
  z.strictObject({
    kind: z.literal('listen'),
    host: host
      .default('127.0.0.1')
      .describe('where to listen for a device that dials in; 127.0.0.1: none from outside, 0.0.0.0: on every network'),
    port: listenPort.min(1),
    framing: z.enum(['tcp', 'rtu', 'ascii']).describe('what is inside the connection; most modems pass on rtu'),
    registration: announcement
      .optional()
      .describe(
        'what the device sends first, as text or as 0x and hexadecimal digits: it tells devices of one port apart',
      ),
    heartbeat: announcement.optional().describe('what the device sends now and then by itself: skipped'),
    from: z
      .union([z.ipv4(), z.ipv6()])
      .optional()
      .describe('address that the device dials from, where that tells devices of one port apart'),
    ...pauseShape,
  }),
]);
export type ModbusLink = z.infer<typeof modbusLinkSchema>;
export type NetworkLink = Extract<ModbusLink, { kind: 'tcp' | 'udp' | 'rtu-over-tcp' | 'ascii-over-tcp' }>;
export type SerialLink = Extract<ModbusLink, { kind: 'rtu' | 'ascii' }>;
export type ListenLink = Extract<ModbusLink, { kind: 'listen' }>;

export const isNetworkLink = (link: ModbusLink): link is NetworkLink => 'host' in link && link.kind !== 'listen';
export const isSerialLink = (link: ModbusLink): link is SerialLink => link.kind === 'rtu' || link.kind === 'ascii';

export type ModbusFraming = 'tcp' | 'udp' | 'rtu' | 'ascii';
export function modbusFraming(link: ModbusLink): ModbusFraming {
  switch (link.kind) {
    case 'tcp':
    case 'udp':
      return link.kind;
    case 'rtu':
    case 'rtu-over-tcp':
      return 'rtu';
    case 'ascii':
    case 'ascii-over-tcp':
      return 'ascii';
    case 'listen':
      return link.framing;
  }
}

/** Whether replies name the request that they answer. */
export const hasTransactionIds = (link: ModbusLink): boolean => ['tcp', 'udp'].includes(modbusFraming(link));

/** The one name of a link, in logs and metrics too; devices whose links have the same name share a connection. */
export function modbusLinkName(link: ModbusLink): string {
  if (isSerialLink(link)) return link.path;
  if (link.kind === 'udp') return `${link.host}:${link.port}/udp`;
  if (link.kind !== 'listen') return `${link.host}:${link.port}`;
  const caller = [link.registration, link.from].filter((part) => part !== undefined).join(' ');
  return `${caller === '' ? 'whoever' : caller} on ${link.host}:${link.port}`;
}

type Linked = {
  readonly index: number;
  readonly device: {
    readonly link: ModbusLink;
    readonly unit: number;
    readonly answersAs?: number | 'any' | undefined;
  };
};

/** Where the devices of a gateway contradict each other about their links: which of them, the key to change, and why. */
export function linkProblems(devices: readonly Linked[]): { index: number; key: string; message: string }[] {
  const links = new Map<string, ModbusLink>();
  const answers = new Map<string, number | 'any' | undefined>();
  const dialIns: ListenLink[] = [];
  return devices.flatMap(({ index, device: { link, unit, answersAs } }) => {
    const problems: { index: number; key: string; message: string }[] = [];
    const name = modbusLinkName(link);
    const first = links.get(name) ?? link;
    links.set(name, first);
    if (!isDeepStrictEqual(first, link)) {
      const message = `another device states ${name} with other settings; devices that share a link state it alike`;
      problems.push({ index, key: 'link', message });
    }
    if (link.kind === 'listen') {
      const clash = dialIns.map((other) => dialInClash(link, other)).find((message) => message !== null);
      if (clash) problems.push({ index, key: 'link', message: clash });
      dialIns.push(link);
    }
    const place = `${name} ${unit}`;
    if (answers.has(place) && answers.get(place) !== answersAs) {
      const message = `another device states unit ${unit} of ${name} with another: it is the same unit`;
      problems.push({ index, key: 'answersAs', message });
    }
    answers.set(place, answersAs);
    return problems;
  });
}

/** Why two devices that dial in to one port could not be told apart, or null. */
function dialInClash(one: ListenLink, other: ListenLink): string | null {
  if (one.port !== other.port || modbusLinkName(one) === modbusLinkName(other)) return null;
  if (one.host !== other.host) return `port ${one.port} is already listened to on ${other.host}: state the same host`;
  if (one.from !== undefined && other.from !== undefined && one.from !== other.from) return null;
  const [mine, theirs] = [one, other].map(({ registration }) => bytesOf(registration ?? ''));
  if (mine === undefined || theirs === undefined || mine.length === 0 || theirs.length === 0) {
    return 'several devices dial in to this port: each needs a registration, or an address to come from';
  }
  const shorter = Math.min(mine.length, theirs.length);
  if (!mine.subarray(0, shorter).equals(theirs.subarray(0, shorter))) return null;
  return `begins as the registration ${JSON.stringify(other.registration)} of another device of this port: they cannot be told apart`;
}

/** Of a registration or heartbeat: the bytes on the wire. */
export const bytesOf = (text: string): Buffer =>
  text.startsWith('0x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text);
