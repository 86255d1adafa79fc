/** What probes say. A member of the same share group that gets the probe of another one tells it so. */
export type Probe = { readonly from: string; readonly group: string };

const word = 'probe';

export const encodeProbe = ({ from, group }: Probe): string => `${word} ${from} ${group}`;

/** null for what is no probe of ours: whoever may publish there can write what he likes. */
export function decodeProbe(payload: Buffer): Probe | null {
  const [first, from, group] = payload.subarray(0, 200).toString().split(' ');
  return first === word && from !== undefined && group !== undefined && bridgePattern.test(from)
    ? { from, group }
    : null;
}

const bridgePattern = /^[A-Za-z0-9-]{1,64}$/;

/** To ourselves, and from the others of our group. */
export const control = 'control';
export const answer = 'answer';
