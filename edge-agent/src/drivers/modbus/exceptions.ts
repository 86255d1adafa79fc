/** What the exceptions of a device mean to whoever looks for the fault (Application Protocol v1.1b3, 7). */
const meanings: Readonly<Partial<Record<number, string>>> = {
  1: 'illegal function: the device does not know this kind of request; is it the right table?',
  2: 'illegal data address: the device has no such register here, or not so many; is the address right, and is it counted from 0 or 1?',
  3: 'illegal data value: the device does not give so many registers at once, or not beginning here',
  4: 'server device failure: the device itself has a fault',
  5: 'acknowledge: the device has begun and needs a long time; ask again later',
  6: 'server device busy: the device does something else; ask again later',
  8: 'memory parity error: the device found its memory damaged',
  10: 'gateway path unavailable: the gateway knows no way to this unit; is the unit id right, and is its serial port set up?',
  11: 'gateway target device failed to respond: the gateway works, the device behind it does not answer; is it on, and are unit id and baud rate right?',
};

export const exceptionText = (code: number): string =>
  `exception ${code}, ${meanings[code] ?? 'which no specification knows: see the manual of the device'}`;

/** `exception 2, illegal data address`: for a line in a list. */
export const exceptionName = (code: number): string => exceptionText(code).replace(/:.*/, '');
