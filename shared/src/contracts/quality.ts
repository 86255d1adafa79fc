/**
 * Quality of a sample: good, uncertain or bad, with a typed reason.
 *
 * The code is what travels and what is stored (`quality int2`): 0–99 is good, 100–199 uncertain, 200–299 bad, so that
 * `quality < 100` reads "good" and `quality < 200` reads "has a value" in SQL. A code is never given a second meaning.
 */
export const qualities = {
  good: { code: 0, meaning: 'the value is what the device reported' },
  'good/history': { code: 1, meaning: 'read from the history of the server after an outage' },
  'uncertain/device': { code: 100, meaning: 'the device itself calls the value uncertain' },
  'uncertain/clock': { code: 101, meaning: 'the time of the sample is not sure: the clock of the gateway was not set' },
  'uncertain/substituted': { code: 102, meaning: 'the device sent a substituted or last known value' },
  'uncertain/implausible': { code: 103, meaning: 'the value lies outside the limits set for the tag' },
  'uncertain/undecoded': {
    code: 104,
    meaning: 'a structure is kept as its bytes: the device does not describe its type',
  },
  'bad/device': { code: 200, meaning: 'the device itself calls the value bad' },
  'bad/not-connected': { code: 201, meaning: 'no connection to the device' },
  'bad/timeout': { code: 202, meaning: 'the device did not answer in time' },
  'bad/refused': { code: 203, meaning: 'the device answered with an exception' },
  'bad/address': { code: 204, meaning: 'the device has no such register or node' },
  'bad/not-available': { code: 205, meaning: 'the device sent its sign for "no value here"' },
  'bad/not-a-number': { code: 206, meaning: 'the device sent NaN or an infinity' },
  'bad/type': { code: 207, meaning: 'the value cannot be read as the type that the tag states' },
  'bad/reply': { code: 208, meaning: 'the answer of the device was malformed' },
  'bad/stale': { code: 209, meaning: 'the device has not refreshed the value for too long' },
  'bad/stopped': { code: 210, meaning: 'the agent has stopped reading the tag' },
  'bad/scale': { code: 211, meaning: 'scale and offset of the registry make no finite number of the value' },
} as const satisfies Record<string, { code: number; meaning: string }>;

export type QualityName = keyof typeof qualities;
/** One of the codes above; readers accept unknown codes below 300, so that a newer agent does not stop an older reader. */
export type QualityCode = number;
export type QualityClass = 'good' | 'uncertain' | 'bad';

export const GOOD: QualityCode = qualities.good.code;

const nameByCode = new Map<number, QualityName>(
  (Object.entries(qualities) as [QualityName, { code: number }][]).map(([name, { code }]) => [code, name]),
);

export const qualityCode = (name: QualityName): QualityCode => qualities[name].code;

/** The name of a code; a code from a newer version reads as its class, e.g. `bad/217`. */
export const qualityName = (code: QualityCode): string => nameByCode.get(code) ?? `${qualityClass(code)}/${code}`;

export const qualityClass = (code: QualityCode): QualityClass =>
  code < 100 ? 'good' : code < 200 ? 'uncertain' : 'bad';

export const isQualityCode = (code: unknown): code is QualityCode =>
  Number.isInteger(code) && (code as number) >= 0 && (code as number) < 300;
