export { type Fault, type Faults, type FaultTarget, faultSchema, type StandingFault } from './faults.ts';
export { type Fleet, type FleetSize, makeFleet } from './fleet.ts';
export { type PlantOptions, type RunningPlant, startPlant } from './plant.ts';
export { type Point, plantPoints } from './points.ts';
export type { OnServed, Served } from './served.ts';
export type { ServerAddress } from './server.ts';
export { valueAt } from './signals/signal.ts';
