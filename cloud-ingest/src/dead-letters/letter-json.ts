import { isoOf } from '../instant.ts';

const instants = new Set(['receivedAt', 'attemptedAt', 'redrivenAt', 'newest']);

/** Letters as the API gives them: instants in ISO 8601, bytes in base64. */
export const jsonOf = (data: object): string =>
  JSON.stringify(
    data,
    function (this: Record<string, unknown>, key, json: unknown) {
      // A Buffer has turned itself into JSON before we see it.
      const value = this[key];
      if (Buffer.isBuffer(value)) return value.toString('base64');
      return instants.has(key) && typeof json === 'number' ? isoOf(json) : json;
    },
    2,
  );
