/**
 * Dates and times of devices, as integer microseconds since 1970 UTC: the unit of every time in the database, so that a clock
 * can be compared with the time of its own sample. A date that no calendar has is no value.
 */
import type { TimeForm } from '@fieldline/shared/config';
import { twoDigits } from './decimal.ts';
import { invalid, type NoValue, outOfCode, type Read } from './read.ts';

/** Milliseconds since 1970 by the clock of the device. */
type ReadClock = Read<number | NoValue>;

const minuteMs = 60_000;
const summerMs = 3_600_000;
/** As far as a date of JavaScript reaches. */
const latestMs = 8.64e15;

export function readTime(form: TimeForm, utcOffsetMinutes: number): Read<bigint | NoValue> {
  const read = clocks[form];
  const offsetMs = utcOffsetMinutes * minuteMs;
  return (bytes, at) => {
    const clockMs = read(bytes, at);
    return typeof clockMs === 'number' ? BigInt(clockMs - offsetMs) * 1_000n : clockMs;
  };
}

const byteOf = (bytes: Buffer, at: number): number => bytes.readUInt8(at);
const decimalOf = (bytes: Buffer, at: number): number => twoDigits(bytes.readUInt8(at));

const clocks: Readonly<Record<TimeForm, ReadClock>> = {
  'unix-seconds': (bytes, at) => bytes.readUInt32BE(at) * 1_000,
  'unix-milliseconds': (bytes, at) => {
    const value = Number(bytes.readBigUInt64BE(at));
    return value <= latestMs ? value : outOfCode;
  },
  iec870,
  powerlogic: (bytes, at) => {
    // The two highest bits are flags.
    const month = bytes.readUInt8(at) & 0x3f;
    const [day, year, hour] = [bytes.readUInt8(at + 1), 1900 + bytes.readUInt8(at + 2), bytes.readUInt8(at + 3)];
    return clockMs(year, month, day, hour, bytes.readUInt8(at + 4), bytes.readUInt8(at + 5) * 1_000);
  },
  registers: (bytes, at) => {
    const year = bytes.readUInt16BE(at);
    const [month, day, hour] = [bytes.readUInt16BE(at + 2), bytes.readUInt16BE(at + 4), bytes.readUInt16BE(at + 6)];
    const second = bytes.readUInt16BE(at + 10);
    return clockMs(year < 100 ? year + 2000 : year, month, day, hour, bytes.readUInt16BE(at + 8), second * 1_000);
  },
  bytes: sixBytes(byteOf),
  bcd: sixBytes(decimalOf),
};

function sixBytes(read: (bytes: Buffer, at: number) => number): ReadClock {
  return (bytes, at) => {
    const year = read(bytes, at);
    // The year is one of the century, as a plain byte too.
    if (!(year < 100)) return outOfCode;
    const [month, day, hour] = [read(bytes, at + 1), read(bytes, at + 2), read(bytes, at + 3)];
    return clockMs(2000 + year, month, day, hour, read(bytes, at + 4), read(bytes, at + 5) * 1_000);
  };
}

/** IEC 60870-5-4, 6.8, as Schneider's DATETIME: the day of the week is not looked at, summer time is an hour ahead. */
function iec870(bytes: Buffer, at: number): number | NoValue {
  const [date, clock] = [bytes.readUInt16BE(at + 2), bytes.readUInt16BE(at + 4)];
  if ((clock & 0x0080) !== 0) return invalid;
  const year = 2000 + (bytes.readUInt16BE(at) & 0x7f);
  const [hour, minute] = [(clock >> 8) & 0x1f, clock & 0x3f];
  const ms = clockMs(year, (date >> 8) & 0x0f, date & 0x1f, hour, minute, bytes.readUInt16BE(at + 6));
  const isSummer = (clock & 0x8000) !== 0;
  return isSummer && typeof ms === 'number' ? ms - summerMs : ms;
}

/** `inMinuteMs`: seconds and what is below. */
function clockMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  inMinuteMs: number,
): number | NoValue {
  const isTime = hour < 24 && minute < 60 && inMinuteMs < minuteMs;
  if (!isTime || year < 1900 || year > 9999) return outOfCode;
  const ms = Date.UTC(year, month - 1, day, hour, minute) + inMinuteMs;
  // The 31st of June would become the 1st of July. NaN is unlike itself.
  const date = new Date(ms);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? ms : outOfCode;
}
