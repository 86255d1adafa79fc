import type { Micros, Value } from '@fieldline/shared/contracts';

/** One value that a server gave out: the evidence against which tests hold what arrived. */
export type Served = {
  /** When the value was computed; for OPC UA its source time. */
  readonly time: Micros;
  /** The Modbus unit or the OPC UA server, by name. */
  readonly device: string;
  readonly point: string;
  readonly value: Value;
};

export type OnServed = (served: readonly Served[]) => void;
