/** What takes how long on the wire of a serial line. Elsewhere it takes none that anybody could tell. */
import { isSerialLink, type ModbusLink } from '@fieldline/shared/config';

/** Above this baud rate the silence no longer shrinks (Modbus over Serial Line v1.02, 2.5.1.1). */
const fixedAboveBaud = 19_200;
const fixedSilenceMs = 1.75;
const silenceCharacters = 3.5;

export type LineTiming = {
  /** That ends a frame, so it stands between any two. */
  readonly silenceMs: number;
  /** How long so many bytes of an RTU frame take in the framing of this line. */
  readonly wireMs: (rtuBytes: number) => number;
};

const noLine: LineTiming = { silenceMs: 0, wireMs: () => 0 };

export function lineTiming(link: ModbusLink): LineTiming {
  if (!isSerialLink(link)) return noLine;
  const bits = 1 + link.dataBits + (link.parity === 'none' ? 0 : 1) + link.stopBits;
  const characterMs = (bits * 1_000) / link.baudRate;
  const isFast = link.baudRate > fixedAboveBaud;
  if (link.kind === 'rtu') {
    const silenceMs = isFast ? fixedSilenceMs : silenceCharacters * characterMs;
    return { silenceMs, wireMs: (bytes) => bytes * characterMs };
  }
  // Two digits for each byte; colon, CR and LF, and one byte of checksum less. Its frames state their end.
  return { silenceMs: 0, wireMs: (bytes) => (2 * (bytes - 1) + 3) * characterMs };
}
