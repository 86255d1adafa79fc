import { startKafka } from './kafka.ts';
import { type PostgresKind, postgresKinds, startServer } from './postgres.ts';
import { offerServers, type SharedServer } from './shared-servers.ts';

const database =
  (kind: PostgresKind): SharedServer =>
  async () => {
    const server = await startServer(kind);
    return { address: server.url, close: server.close };
  };

/** Run by vitest once, before all test files. */
export default (): Promise<() => Promise<void>> =>
  offerServers({
    ...Object.fromEntries(postgresKinds.map((kind) => [kind, database(kind)])),
    kafka: async () => {
      const server = await startKafka();
      return { address: server.broker, close: server.close };
    },
  });
