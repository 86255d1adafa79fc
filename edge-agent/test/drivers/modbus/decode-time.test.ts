import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, goodValue, qualityOf, read } from './reading.ts';

const micros = (iso: string): bigint => BigInt(Date.parse(iso)) * 1_000n;

describe('a date and time', () => {
  test.each<[object, string, string]>([
    [{ timeForm: 'unix-seconds' }, '3b9a ca00', '2001-09-09T01:46:40Z'],
    [{ timeForm: 'unix-seconds', byteOrder: 'CDAB' }, 'ca00 3b9a', '2001-09-09T01:46:40Z'],
    [{ timeForm: 'unix-seconds' }, 'ffff ffff', '2106-02-07T06:28:15Z'],
    [{ timeForm: 'unix-milliseconds' }, '0000 011f 71fb 04cb', '2009-02-13T23:31:30.123Z'],
    // Manuals of the PM800 and CM4000: 01/25/00 at 11:06:59 is 0119, 640B, 063B.
    [{ timeForm: 'powerlogic' }, '0119 640b 063b', '2000-01-25T11:06:59Z'],
    // The two highest bits of month and day are flags.
    [{ timeForm: 'powerlogic' }, 'c119 7e0b 063b', '2026-01-25T11:06:59Z'],
    // Schneider DATETIME: year 26 | month 11, weekday 6, day 27 | 14:30 | 12,345 ms.
    [{ timeForm: 'iec870' }, '001a 0bdb 0e1e 3039', '2026-11-27T14:30:12.345Z'],
    [{ timeForm: 'iec870', utcOffsetMinutes: 60 }, '001a 0bdb 0e1e 3039', '2026-11-27T13:30:12.345Z'],
    // In summer time the clock is one hour further.
    [{ timeForm: 'iec870', utcOffsetMinutes: 60 }, '001a 060f 8e1e 3039', '2026-06-15T12:30:12.345Z'],
    // The same registers with the milliseconds first.
    [{ timeForm: 'iec870', byteOrder: 'CDAB' }, '3039 0e1e 0b1b 001a', '2026-11-27T14:30:12.345Z'],
    [{ timeForm: 'registers' }, '07ea 0002 001c 0017 003b 003b', '2026-02-28T23:59:59Z'],
    [{ timeForm: 'registers' }, '001a 0002 001c 0017 003b 003b', '2026-02-28T23:59:59Z'],
    [{ timeForm: 'registers', utcOffsetMinutes: -330 }, '07ea 0002 001c 0017 003b 003b', '2026-03-01T05:29:59Z'],
    [{ timeForm: 'bytes' }, '1c02 1d00 0000', '2028-02-29T00:00:00Z'],
    [{ timeForm: 'bcd' }, '2611 2714 3012', '2026-11-27T14:30:12Z'],
    [{ timeForm: 'bcd', byteOrder: 'BADC' }, '1126 1427 1230', '2026-11-27T14:30:12Z'],
  ])('%j of %s is %s', (settings, registers, iso) => {
    expect(goodValue({ type: 'time', ...settings }, registers)).toBe(micros(iso));
  });

  test.each<[string, string, string]>([
    ['bytes', '1a02 1d00 0000', 'the 29th of February 2026'],
    ['bytes', '1a06 1f00 0000', 'the 31st of June'],
    ['bytes', '1a00 0100 0000', 'no month'],
    ['bytes', '1a01 0000 0000', 'no day'],
    ['bytes', '1a01 0118 0000', 'hour 24'],
    ['bytes', '1a01 0100 3c00', 'minute 60'],
    ['bytes', '1a01 0100 003c', 'second 60'],
    ['bytes', '6401 0100 0000', 'year 100'],
    ['bytes', 'ffff ffff ffff', 'erased memory'],
    ['bcd', '2611 2a14 3012', 'a digit above 9'],
    ['powerlogic', '0000 0000 0000', 'a clock that was never set'],
    ['powerlogic', '0d19 640b 063b', 'month 13'],
    ['powerlogic', '1119 640b 063b', 'month 17'],
    ['registers', '0000 0000 0000 0000 0000 0000', 'a clock that was never set'],
    ['registers', 'ffff 0001 0001 0000 0000 0000', 'year 65535'],
    ['iec870', '001a 0b1b 0e1e ea60', 'millisecond 60000'],
    ['iec870', 'ffff ffff ff3f ffff', 'erased memory that does not say "invalid"'],
    ['unix-milliseconds', 'ffff ffff ffff ffff', 'a time that no date reaches'],
  ])('%s of %s is none: %s', (timeForm, registers) => {
    expect(qualityOf({ type: 'time', timeForm }, registers)).toBe('bad/type');
  });

  test('that the device calls invalid is bad by its own word', () => {
    expect(qualityOf({ type: 'time', timeForm: 'iec870' }, '001a 0b1b 0e9e 3039')).toBe('bad/device');
  });

  test('is read as the calendar of JavaScript has it, in every form', () => {
    const years = { min: new Date('2000-01-02T00:00:00Z'), max: new Date('2099-12-30T00:00:00Z'), noInvalidDate: true };
    fc.assert(
      fc.property(fc.date(years), fc.integer({ min: -720, max: 840 }), (date, utcOffsetMinutes) => {
        const second = new Date(Math.floor(date.getTime() / 1_000) * 1_000);
        const local = new Date(second.getTime() + utcOffsetMinutes * 60_000).toISOString();
        const [year = 0, month = 0, day = 0, hour = 0, minute = 0, seconds = 0] = (local.match(/\d+/g) ?? []).map(
          Number,
        );
        const forms: Record<string, Buffer> = {
          bytes: Buffer.of(year - 2000, month, day, hour, minute, seconds),
          bcd: Buffer.from(local.slice(2, 19).replace(/\D/g, ''), 'hex'),
          powerlogic: Buffer.of(month, day, year - 1900, hour, minute, seconds),
          registers: Buffer.from(Uint16Array.of(year, month, day, hour, minute, seconds).buffer).swap16(),
          iec870: Buffer.from(
            Uint16Array.of(year - 2000, month * 256 + day, hour * 256 + minute, seconds * 1_000).buffer,
          ).swap16(),
        };
        for (const [timeForm, data] of Object.entries(forms)) {
          expect(read({ type: 'time', timeForm, utcOffsetMinutes }, data).value).toBe(micros(second.toISOString()));
        }
      }),
    );
  });
});

test('a time is a place in the reply like any other', () => {
  expect(read({ type: 'time', timeForm: 'bytes' }, bytesOf('ffff 1a01 0200 0000'), 'ABCD', 1).value).toBe(
    micros('2026-01-02T00:00:00Z'),
  );
});
