import { startKafka } from './kafka.ts';
import { startPostgres } from './postgres.ts';
import { offerServers } from './shared-servers.ts';

/** Run by vitest once, before all test files. */
export default (): Promise<() => Promise<void>> =>
  offerServers({
    postgres: async () => {
      const server = await startPostgres();
      return { address: server.url, close: server.close };
    },
    kafka: async () => {
      const server = await startKafka();
      return { address: server.broker, close: server.close };
    },
  });
