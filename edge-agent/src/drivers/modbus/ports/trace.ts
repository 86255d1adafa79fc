/**
 * What has come of a reply that cannot be read. That it is one is told by its head, of which one byte may be wrong too: noise, and
 * what other units say, must not pass for it, for the reply itself would come later and be taken for that to the next request.
 */

/** What the reply to a request begins with, and how long it is as an RTU frame. */
export type Outline = {
  readonly unit: number;
  readonly code: number;
  /** The byte count, or the first byte of what a write repeats. */
  readonly third: number;
  readonly rtuBytes: number;
};

/** How a framing lays the bytes of a frame that begins at `from`. */
export type Layout = {
  /** The byte at this position in the frame; undefined where it has not come, or is none. */
  readonly byteAt: (bytes: Buffer, from: number, position: number) => number | undefined;
  /** How much room a frame takes that has so many bytes in RTU. */
  readonly sizeOf: (rtuBytes: number) => number;
  /** How long the frame is that stands here with a right checksum, whoever says it; 0: none does. */
  readonly intactAt: (bytes: Buffer, from: number) => number;
  /** Whether the frame that begins here says that it has ended, shorter than it ought to be. */
  readonly endsEarly: (bytes: Buffer, from: number) => boolean;
};

/** `whole`: as long as it will be; `beginning`: its head is right, and some of it has not come. */
export type Trace = 'whole' | 'beginning' | null;

/** Unit id, function code and byte count before the data, checksum after. */
export const frameBytes = 5;
/** Unit id, function code with its highest bit set, exception code, checksum. */
export const exceptionBytes = 5;
/** Writes are answered by unit id, function code, address, value or count, checksum. */
export const echoBytes = 8;
export const maskEchoBytes = 10;
const lastExceptionCode = 0x0b;
const placeBytes = 7;

/** null where the length of the reply does not follow from the request, which ends with an RTU checksum. */
export function outlineOf(request: Buffer, unit: number): Outline | null {
  const code = request[1] ?? 0;
  const ofData = (byteCount: number): Outline => ({ unit, code, third: byteCount, rtuBytes: frameBytes + byteCount });
  const ofWrite = (rtuBytes: number): Outline => ({ unit, code, third: request[2] ?? 0, rtuBytes });
  switch (code) {
    case 0x01:
    case 0x02:
      return ofData(Math.ceil(request.readUInt16BE(4) / 8));
    case 0x03:
    case 0x04:
    case 0x17:
      return ofData(2 * request.readUInt16BE(4));
    case 0x05:
    case 0x06:
    case 0x0f:
    case 0x10:
      return ofWrite(echoBytes);
    case 0x16:
      return ofWrite(maskEchoBytes);
    case 0x14:
      return ofData(fileBytes(request));
    default:
      return null;
  }
}

/** Each place that is asked for states its registers last; its answer has two bytes before them (v1.1b3, 6.14). */
function fileBytes(request: Buffer): number {
  let sum = 0;
  for (let at = 3 + placeBytes; at <= request.length - 2; at += placeBytes) sum += 2 + 2 * request.readUInt16BE(at - 2);
  return sum;
}

export function traceOf(bytes: Buffer, outline: Outline, layout: Layout): Trace {
  for (let from = 0; from < bytes.length; from++) {
    const intact = layout.intactAt(bytes, from);
    const trace = intact > 0 ? null : traceAt(bytes, from, outline, layout);
    if (trace !== null) return trace;
    from += Math.max(0, intact - 1);
  }
  return null;
}

function traceAt(bytes: Buffer, from: number, { unit, code, third, rtuBytes }: Outline, layout: Layout): Trace {
  const head = [0, 1, 2].map((position) => layout.byteAt(bytes, from, position));
  const isUnit = head[0] === unit;
  const isThird = head[2] === third;
  if (head[1] === (code | 0x80)) {
    const isException = isUnit || isExceptionCode(head[2]);
    return isException ? extentOf(bytes, from, layout.sizeOf(exceptionBytes), isUnit, layout) : null;
  }
  const isCode = head[1] === code;
  const rightBytes = [isUnit, isCode, isThird].filter((isRight) => isRight).length;
  return rightBytes < 2 ? null : extentOf(bytes, from, layout.sizeOf(rtuBytes), isUnit && isCode, layout);
}

function extentOf(bytes: Buffer, from: number, size: number, isSurelyItsHead: boolean, layout: Layout): Trace {
  if (from + size <= bytes.length) return 'whole';
  if (!isSurelyItsHead) return null;
  return layout.endsEarly(bytes, from) ? 'whole' : 'beginning';
}

const isExceptionCode = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 1 && byte <= lastExceptionCode;
