/** Dates and times as devices state them; the value is in microseconds since 1970 UTC. */
import type { TimeForm } from '@fieldline/shared/config';

const hourUs = 3_600_000_000n;
const minuteUs = 60_000_000n;
/** So that no offset leads out of the years that a form can state. */
const dayUs = 24n * hourUs;
const yearUs = (year: number): bigint => BigInt(Date.UTC(year, 0, 1)) * 1_000n;
const century: readonly [bigint, bigint] = [yearUs(2000) + dayUs, yearUs(2100) - dayUs];

type Form = { readonly stepUs: bigint; readonly range: readonly [bigint, bigint] };

/** What a form can tell apart, and from when to when. */
const forms: Readonly<Record<TimeForm, Form>> = {
  'unix-seconds': { stepUs: 1_000_000n, range: [dayUs, (2n ** 32n - 1n) * 1_000_000n - dayUs] },
  'unix-milliseconds': { stepUs: 1_000n, range: [dayUs, yearUs(9999)] },
  iec870: { stepUs: 1_000n, range: century },
  powerlogic: { stepUs: 1_000_000n, range: [yearUs(1900) + dayUs, yearUs(2155) - dayUs] },
  registers: { stepUs: 1_000_000n, range: [yearUs(1970) + dayUs, yearUs(9999)] },
  bytes: { stepUs: 1_000_000n, range: century },
  bcd: { stepUs: 1_000_000n, range: century },
};

/** What a device can state of this time. */
export function fitClock(form: TimeForm, timeUs: bigint): bigint {
  const { stepUs, range } = forms[form];
  const within = timeUs < range[0] ? range[0] : timeUs > range[1] ? range[1] : timeUs;
  const beyond = within % stepUs;
  return within - (beyond < 0n ? beyond + stepUs : beyond);
}

export function writeClock(own: Buffer, form: TimeForm, timeUs: bigint, utcOffsetMinutes: number): void {
  const ms = Number((timeUs + BigInt(utcOffsetMinutes) * minuteUs) / 1_000n);
  const date = new Date(ms);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  const [hour, minute, second] = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  if (form === 'unix-seconds') own.writeUInt32BE(Math.floor(ms / 1_000));
  else if (form === 'unix-milliseconds') own.writeBigUInt64BE(BigInt(ms));
  else if (form === 'bcd') own.write([year - 2000, month, day, hour, minute, second].map(twoDigits).join(''), 'hex');
  else if (form === 'bytes') own.set([year - 2000, month, day, hour, minute, second]);
  else if (form === 'registers') put(own, [year, month, day, hour, minute, second]);
  else if (form === 'powerlogic') put(own, [month * 256 + day, (year - 1900) * 256 + hour, minute * 256 + second]);
  else put(own, [year - 2000, month * 256 + day, hour * 256 + minute, second * 1_000 + date.getUTCMilliseconds()]);
}

const twoDigits = (part: number): string => String(part).padStart(2, '0');

const put = (own: Buffer, words: readonly number[]): void => {
  for (const [index, word] of words.entries()) own.writeUInt16BE(word, index * 2);
};

export function readClock(own: Buffer, form: TimeForm, utcOffsetMinutes: number): bigint {
  return BigInt(clockMs(own, form)) * 1_000n - BigInt(utcOffsetMinutes) * minuteUs;
}

function clockMs(own: Buffer, form: TimeForm): number {
  const word = (index: number): number => own.readUInt16BE(index * 2);
  const byte = (index: number): number => own.readUInt8(index);
  switch (form) {
    case 'unix-seconds':
      return own.readUInt32BE() * 1_000;
    case 'unix-milliseconds':
      return Number(own.readBigUInt64BE());
    case 'iec870':
      return Date.UTC(2000 + (word(0) & 127), (byte(2) & 15) - 1, byte(3) & 31, byte(4) & 31, byte(5) & 63) + word(3);
    case 'powerlogic':
      return Date.UTC(1900 + byte(2), (byte(0) & 15) - 1, byte(1), byte(3), byte(4), byte(5));
    case 'registers':
      return Date.UTC(word(0), word(1) - 1, word(2), word(3), word(4), word(5));
    case 'bytes':
      return Date.UTC(2000 + byte(0), byte(1) - 1, byte(2), byte(3), byte(4), byte(5));
    case 'bcd': {
      const two = (index: number): number => Number(own.toString('hex', index, index + 1));
      return Date.UTC(2000 + two(0), two(1) - 1, two(2), two(3), two(4), two(5));
    }
  }
}
