import { type QualityCode, qualityCode } from '@fieldline/shared/contracts';

/** What registers hold in place of a value. */
export class NoValue {
  readonly quality: QualityCode;
  constructor(quality: QualityCode) {
    this.quality = quality;
  }
}

/** The device's own sign for "no value here". */
export const absent = new NoValue(qualityCode('bad/not-available'));
/** Registers that are none of the code: a decimal digit above 9, the 31st of June. */
export const outOfCode = new NoValue(qualityCode('bad/type'));
/** The device says that what it holds is not to be trusted. */
export const invalid = new NoValue(qualityCode('bad/device'));

/** A value from the bytes of registers, from `at` on. */
export type Read<Raw> = (bytes: Buffer, at: number) => Raw;
