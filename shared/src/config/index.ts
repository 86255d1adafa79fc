export * from './edge.ts';
export * from './flight-recorder.ts';
export * from './ingest.ts';
export * from './load-config.ts';
export * from './modbus.ts';
export * from './modbus-link.ts';
export { nearest } from './nearest.ts';
export * from './opcua.ts';
export * from './plant.ts';
