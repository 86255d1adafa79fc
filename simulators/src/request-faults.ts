import type { RequestFault } from './faults.ts';

/** The faults that wait for requests, by unit; null stands for the whole server. */
export type RequestFaults = {
  readonly set: (part: string | null, fault: RequestFault | null) => void;
  /** The fault that this request meets, which is used up once more by it. */
  readonly take: (part: string | null) => RequestFault | null;
  readonly standing: () => { part: string | null; fault: RequestFault }[];
};

export function createRequestFaults(): RequestFaults {
  const faults = new Map<string | null, RequestFault>();
  return {
    set: (part, fault) => {
      if (fault === null) faults.delete(part);
      else faults.set(part, fault);
    },
    take: (part) => {
      if (faults.size === 0) return null;
      const place = faults.has(part) ? part : null;
      const fault = faults.get(place);
      if (fault === undefined) return null;
      if (fault.times === 1) faults.delete(place);
      else if (fault.times !== undefined) faults.set(place, { ...fault, times: fault.times - 1 });
      return fault;
    },
    standing: () => [...faults].map(([part, fault]) => ({ part, fault })),
  };
}
