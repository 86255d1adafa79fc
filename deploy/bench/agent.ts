import type { Benchmark } from './benchmark.ts';
export const agent: Benchmark = { name: 'agent', what: '', run: async () => [] };
