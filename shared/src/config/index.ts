export * from './edge.ts';
export * from './ingest.ts';
export { loadConfig, parseConfig } from './load-config.ts';
export * from './load-edge.ts';
export * from './modbus.ts';
export * from './modbus-profile.ts';
export { nearest } from './nearest.ts';
export * from './opcua.ts';
export * from './plant.ts';
