export * from './backoff.ts';
export * from './clock.ts';
export * from './health.ts';
export * from './lifecycle.ts';
export * from './log.ts';
export * from './metrics.ts';
export * from './ops-server.ts';
export * from './secrets.ts';
