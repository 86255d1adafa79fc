/** `--import` this: the processor takes what a batch says for granted. */
import { swapModules } from './modules.ts';

swapModules({ '/decode/registry.ts': new URL('trust-records.ts', import.meta.url) });
