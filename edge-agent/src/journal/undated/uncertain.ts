import { qualityClass, qualityCode, type Sample } from '@fieldline/shared/contracts';

/** Its time is not sure, whatever else is not. A bad sample says more by its own reason. */
export const uncertain = (sample: Sample): Sample =>
  qualityClass(sample.quality) === 'bad' ? sample : { ...sample, quality: qualityCode('uncertain/clock') };
