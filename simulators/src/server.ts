import type { SimulatorServer } from '@fieldline/shared/config';
import type { Clock, Log } from '@fieldline/shared/runtime';
import type { Faultable } from './faults.ts';
import type { PlaceInPlant } from './points.ts';
import type { OnServed } from './served.ts';

/** Where a server is reached; a serial port has its path in place of host and port. */
export type ServerAddress = {
  readonly name: string;
  readonly protocol: SimulatorServer['protocol'];
  readonly host: string;
  /** As the system gave it, where the plant asks for port 0; 0 for a serial port. */
  readonly port: number;
  /** e.g. tcp://127.0.0.1:1502, opc.tcp://127.0.0.1:4841/fieldline or the path of a serial port. */
  readonly url: string;
};

export interface SimulatedServer extends Faultable {
  readonly address: ServerAddress;
  /** Idempotent. */
  close(): Promise<void>;
}

/** What every server is given. */
export type ServerContext = {
  readonly place: PlaceInPlant;
  readonly clock: Clock;
  readonly log: Log;
  readonly onServed: OnServed | undefined;
};
