import type { Benchmark } from './benchmark.ts';
export const start: Benchmark = { name: 'start', what: '', run: async () => [] };
