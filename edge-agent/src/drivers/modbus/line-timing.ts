/** What takes how long on the wire of a serial line. Elsewhere it takes none that anybody could tell. */
import { isSerialLink, type ModbusLink, modbusFraming } from '@fieldline/shared/config/modbus-link';

/** Above this baud rate the silence no longer shrinks (Modbus over Serial Line v1.02, 2.5.1.1). */
const fixedAboveBaud = 19_200;
const fixedSilenceMs = 1.75;
const silenceCharacters = 3.5;
/** Between the characters of an ASCII frame there may be a second (2.5.2.1). */
const asciiGapMs = 1_000;
/** Those of RTU come at once; but adapters and busy machines hold them up, and a network sends what it lost again after some 200 ms. */
const serialGapMs = 100;
const networkGapMs = 250;

export type LineTiming = {
  /** That ends a frame, so it stands between any two. */
  readonly silenceMs: number;
  /** How long a frame may pause within itself, as seen here. */
  readonly gapMs: number;
  /** How long so many bytes of an RTU frame take in the framing of this line. */
  readonly wireMs: (rtuBytes: number) => number;
};

export function lineTiming(link: ModbusLink): LineTiming {
  const isAscii = modbusFraming(link) === 'ascii';
  if (!isSerialLink(link)) return { silenceMs: 0, gapMs: isAscii ? asciiGapMs : networkGapMs, wireMs: () => 0 };
  const bits = 1 + link.dataBits + (link.parity === 'none' ? 0 : 1) + link.stopBits;
  const characterMs = (bits * 1_000) / link.baudRate;
  const isFast = link.baudRate > fixedAboveBaud;
  if (link.kind === 'rtu') {
    const silenceMs = isFast ? fixedSilenceMs : silenceCharacters * characterMs;
    return { silenceMs, gapMs: serialGapMs, wireMs: (bytes) => bytes * characterMs };
  }
  // Two digits for each byte; colon, CR and LF, and one byte of checksum less. Its frames state their end.
  return { silenceMs: 0, gapMs: asciiGapMs, wireMs: (bytes) => (2 * (bytes - 1) + 3) * characterMs };
}
