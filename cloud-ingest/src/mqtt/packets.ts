/** MQTT packets out of the bytes of a connection, however they are cut (MQTT 3.1.1 and 5, 2.1 and 3.3). */

export type Publish = {
  readonly topic: string;
  /** Of the received bytes, not a copy. */
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly dup: boolean;
  /** null for QoS 0. */
  readonly messageId: number | null;
};

export type PacketHandlers = {
  readonly onPublish: (publish: Publish) => void;
  /** Any other packet, whole. */
  readonly onOther: (packet: Buffer) => void;
  /** Asked before each packet: whether to go on. What is left waits for `resume`. */
  readonly hasRoom: () => boolean;
};

export type PacketReader = {
  /** @throws MalformedPacket */
  readonly push: (chunk: Buffer) => void;
  /** Goes on with what was left, as far as there is room. @throws MalformedPacket */
  readonly resume: () => void;
};

/** What no broker may send: the connection cannot be read on. */
export class MalformedPacket extends Error {
  readonly code = 'MQTT_MALFORMED_PACKET';
}

const publishType = 3;
const smallestPacket = 2;
const mostLengthBytes = 4;
const nothing = Buffer.alloc(0);

/** `hasProperties`: MQTT 5. */
export function createPacketReader(
  hasProperties: boolean,
  { onPublish, onOther, hasRoom }: PacketHandlers,
): PacketReader {
  /** What came of the packets that are next. Only a packet that came in pieces is joined: most come whole, many to a chunk. */
  let pieces: Buffer[] = [];
  let held = 0;
  /** Bytes that the next packet has at least. */
  let wanted = smallestPacket;

  function read(bytes: Buffer): void {
    let at = 0;
    while (hasRoom()) {
      wanted = packetBytes(bytes, at);
      if (bytes.length - at < wanted) break;
      const header = bytes[at] ?? 0;
      if (header >> 4 === publishType) onPublish(publishOf(bytes, at, at + wanted, hasProperties));
      else onOther(bytes.subarray(at, at + wanted));
      at += wanted;
      wanted = smallestPacket;
    }
    held = bytes.length - at;
    pieces = held === 0 ? [] : [bytes.subarray(at)];
  }

  function resume(): void {
    if (held >= wanted) read(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces));
  }

  return {
    push: (chunk) => {
      let rest = chunk;
      // Until the packet that is begun is whole; its length may only be seen on the way.
      while (held > 0 && rest.length > 0) {
        const missing = Math.max(wanted - held, 1);
        if (!hasRoom() || missing > rest.length) break;
        pieces.push(rest.subarray(0, missing));
        held += missing;
        rest = rest.subarray(missing);
        resume();
      }
      if (held === 0) read(rest);
      else if (rest.length > 0) {
        pieces.push(rest);
        held += rest.length;
      }
    },
    resume,
  };
}

/** Of the packet at `at`; one more than there is where the bytes do not say it yet. */
function packetBytes(bytes: Buffer, at: number): number {
  let length = 0;
  for (let index = 0; index < mostLengthBytes; index++) {
    const byte = bytes[at + 1 + index];
    if (byte === undefined) return bytes.length - at + 1;
    length += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return 2 + index + length;
  }
  throw new MalformedPacket('the length of a packet has more than four bytes');
}

function publishOf(bytes: Buffer, from: number, end: number, hasProperties: boolean): Publish {
  const header = bytes[from] ?? 0;
  const qos = (header >> 1) & 3;
  // Nobody asks for more than QoS 1, and a broker sends no more than was asked for.
  if (qos > 1) throw new MalformedPacket(`a message has QoS ${qos}, and at most 1 was subscribed`);
  let at = from + 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  at += 1;
  const topicEnd = at + 2 + (at + 2 <= end ? bytes.readUInt16BE(at) : 0);
  const idEnd = topicEnd + (qos > 0 ? 2 : 0);
  if (at + 2 > end || idEnd > end) throw new MalformedPacket('a message ends before its topic does');
  const payloadAt = hasProperties ? afterProperties(bytes, idEnd, end) : idEnd;
  return {
    topic: bytes.toString('utf8', at + 2, topicEnd),
    payload: payloadAt === end ? nothing : bytes.subarray(payloadAt, end),
    qos: qos === 1 ? 1 : 0,
    retain: (header & 1) !== 0,
    dup: (header & 8) !== 0,
    messageId: qos > 0 ? bytes.readUInt16BE(topicEnd) : null,
  };
}

/** We announce no topic aliases, and use nothing else of what properties may say. */
function afterProperties(bytes: Buffer, at: number, end: number): number {
  let length = 0;
  for (let index = 0; index < mostLengthBytes && at + index < end; index++) {
    const byte = bytes[at + index] ?? 0;
    length += (byte & 0x7f) * 128 ** index;
    if (byte >= 0x80) continue;
    const after = at + index + 1 + length;
    if (after <= end) return after;
    break;
  }
  throw new MalformedPacket('a message ends before its properties do');
}
