/**
 * Recordings as Wireshark reads them (PCAP Next Generation, draft-ietf-opsawg-pcapng): one interface for each link, named as
 * the link. There never was a packet that we saw: what a stream carried is put into packets of the port for which Wireshark
 * knows Modbus, and frames of a line into its own form for the payload of a named dissector.
 */
import type { ModbusFraming } from '@fieldline/shared/config/modbus-link';
import type { Micros } from '@fieldline/shared/contracts';
import { asciiFrame } from '../ports/ascii-port.ts';
import { asRtuFrame } from '../ports/frame-port.ts';
import type { Recorded } from './frame-ring.ts';

export type Recording = {
  readonly link: string;
  readonly framing: ModbusFraming;
  readonly recorded: readonly Recorded[];
};

type Packet = { readonly sent: boolean; readonly time: Micros; readonly bytes: Buffer };

/** LINKTYPE_RAW: an IP packet. LINKTYPE_WIRESHARK_UPPER_PDU: what a dissector that is named gets. */
const linkTypes = { tcp: 101, udp: 101, rtu: 252, ascii: 252 } as const satisfies Record<ModbusFraming, number>;

/** Longer than adapters hold back the bytes of a frame. */
const pauseMicros = 40_000;

export function pcapng(recordings: readonly Recording[]): Buffer {
  const interfaces = recordings.map(({ link, framing }) => interfaceBlock(link, linkTypes[framing]));
  const packets = recordings.flatMap(({ framing, recorded }, index) =>
    packetsOf[framing](recorded).map((packet) => ({ packet, index })),
  );
  packets.sort((one, other) => one.packet.time - other.packet.time);
  return Buffer.concat([
    sectionHeader(),
    ...interfaces,
    ...packets.map(({ packet, index }) => packetBlock(packet, index)),
  ]);
}

const packetsOf: Record<ModbusFraming, (recorded: readonly Recorded[]) => Packet[]> = {
  tcp: tcpPackets,
  udp: udpPackets,
  rtu: (recorded) => linePackets(recorded).map((packet) => ({ ...packet, bytes: forDissector('mbrtu', packet.bytes) })),
  ascii: (recorded) =>
    linePackets(recorded).map((packet) => ({ ...packet, bytes: forDissector('mbrtu', rtuOfAscii(packet.bytes)) })),
};

/** What came between two requests without a pause is one packet, in however many pieces it came. */
function linePackets(recorded: readonly Recorded[]): Packet[] {
  const packets: Packet[] = [];
  let heardAt: Micros = 0;
  for (const { kind, time, bytes } of recorded) {
    if (kind === 'connected') continue;
    const last = packets.at(-1);
    const goesOn = kind === 'received' && time - heardAt < pauseMicros;
    heardAt = time;
    if (goesOn && last !== undefined && !last.sent) {
      packets[packets.length - 1] = { ...last, bytes: Buffer.concat([last.bytes, bytes]) };
    } else packets.push({ sent: kind === 'sent', time, bytes });
  }
  return packets;
}

/** Wireshark knows no Modbus ASCII: a right frame is shown as that of RTU, all else as it came. */
function rtuOfAscii(bytes: Buffer): Buffer {
  const from = bytes.lastIndexOf(':');
  const frame = asciiFrame(bytes, from + 1, bytes.indexOf('\r', from));
  return frame === null ? bytes : asRtuFrame(frame, frame.readUInt8(0));
}

/** Addresses for documentation (RFC 5737): that of the device stands in the name of the interface. */
const gatewayAddress = Buffer.of(192, 0, 2, 1);
const deviceAddress = Buffer.of(192, 0, 2, 2);
/** The port by which Wireshark knows Modbus, whatever the real one is. */
const devicePort = 502;
const firstGatewayPort = 49_152;

/** A new port on our side for each connection, so that what was cut off does not spoil what follows. */
function tcpPackets(recorded: readonly Recorded[]): Packet[] {
  const packets: Packet[] = [];
  let gatewayPort = firstGatewayPort;
  let fromGateway = 1;
  let fromDevice = 1;
  for (const { kind, time, bytes } of recorded) {
    if (kind === 'connected') {
      gatewayPort += 1;
      fromGateway = 1;
      fromDevice = 1;
      continue;
    }
    const sent = kind === 'sent';
    const header = Buffer.alloc(20);
    header.writeUInt16BE(sent ? gatewayPort : devicePort, 0);
    header.writeUInt16BE(sent ? devicePort : gatewayPort, 2);
    header.writeUInt32BE(sent ? fromGateway : fromDevice, 4);
    header.writeUInt32BE(sent ? fromDevice : fromGateway, 8);
    // Five words of header; PSH and ACK; a window.
    header.writeUInt16BE(0x5018, 12);
    header.writeUInt16BE(0xffff, 14);
    if (sent) fromGateway += bytes.length;
    else fromDevice += bytes.length;
    packets.push({ sent, time, bytes: ipPacket(6, sent, Buffer.concat([header, bytes])) });
  }
  return packets;
}

function udpPackets(recorded: readonly Recorded[]): Packet[] {
  const datagrams = recorded.filter(({ kind }) => kind !== 'connected');
  return datagrams.map(({ kind, time, bytes }) => {
    const sent = kind === 'sent';
    const header = Buffer.alloc(8);
    header.writeUInt16BE(sent ? firstGatewayPort : devicePort, 0);
    header.writeUInt16BE(sent ? devicePort : firstGatewayPort, 2);
    header.writeUInt16BE(8 + bytes.length, 4);
    return { sent, time, bytes: ipPacket(17, sent, Buffer.concat([header, bytes])) };
  });
}

function ipPacket(protocol: number, sent: boolean, payload: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt8(64, 8);
  header.writeUInt8(protocol, 9);
  (sent ? gatewayAddress : deviceAddress).copy(header, 12);
  (sent ? deviceAddress : gatewayAddress).copy(header, 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, payload]);
}

function internetChecksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

/** Tags of Wireshark's own form (epan/exported_pdu.h): name of the dissector, end of the tags. */
function forDissector(name: string, payload: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil(name.length / 4) * 4);
  padded.write(name, 'latin1');
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE(12, 0);
  tag.writeUInt16BE(padded.length, 2);
  return Buffer.concat([tag, padded, Buffer.alloc(4), payload]);
}

/** Every block: type, length, body in whole words, length again. */
function block(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts.flatMap((part) => [part, Buffer.alloc(-part.length & 3)]));
  const [head, tail] = [Buffer.alloc(8), Buffer.alloc(4)];
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(body.length + 12, 4);
  tail.writeUInt32LE(body.length + 12, 0);
  return Buffer.concat([head, body, tail]);
}

function sectionHeader(): Buffer {
  const body = Buffer.alloc(16, 0xff);
  body.writeUInt32LE(0x1a2b3c4d, 0);
  body.writeUInt16LE(1, 4);
  body.writeUInt16LE(0, 6);
  return block(0x0a0d0d0a, body);
}

function interfaceBlock(name: string, linkType: number): Buffer {
  const text = Buffer.from(name);
  const head = Buffer.alloc(8);
  head.writeUInt16LE(linkType, 0);
  const option = Buffer.alloc(4);
  option.writeUInt16LE(2, 0);
  option.writeUInt16LE(text.length, 2);
  return block(1, head, option, text, Buffer.alloc(4));
}

/** Times are in microseconds, as an interface has them unless it says otherwise. */
function packetBlock({ sent, time, bytes }: Packet, interfaceIndex: number): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(interfaceIndex, 0);
  head.writeUInt32LE(Math.floor(time / 2 ** 32), 4);
  head.writeUInt32LE(time % 2 ** 32, 8);
  head.writeUInt32LE(bytes.length, 12);
  head.writeUInt32LE(bytes.length, 16);
  const direction = Buffer.alloc(12);
  direction.writeUInt16LE(2, 0);
  direction.writeUInt16LE(4, 2);
  direction.writeUInt32LE(sent ? 2 : 1, 4);
  return block(6, head, bytes, direction);
}
