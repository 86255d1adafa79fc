export * from './aedes.ts';
export * from './describe-with.ts';
export * from './free-port.ts';
export * from './kafka.ts';
export * from './mosquitto.ts';
export * from './postgres.ts';
export * from './temporary-folder.ts';
export { timescale } from './timescale.ts';
export * from './wait-for.ts';
