import type { ClientBase, Connection } from 'pg';

/** Gives the next piece of the data as CopyData messages of the protocol (`encode-rows.ts` makes them), or null at the end. */
export type CopySource = () => Buffer | null;

const copyDone = Buffer.from([0x63, 0, 0, 0, 4]);

/**
 * COPY … FROM STDIN over a connection of `pg`, without a package more. Messages go to the socket as they were encoded, so
 * that rows are copied once; the next piece is asked for when the socket has taken the last one.
 *
 * After an ErrorResponse the server reads and forgets what is still on the way (PostgreSQL manual, 55.2.6), so all there is
 * to do is to stop.
 */
export const copyIn = (client: ClientBase, sql: string, source: CopySource): Promise<number> =>
  new Promise((resolve, reject) => {
    client.query(new CopyIn(sql, source, resolve, reject));
  });

type CommandComplete = { readonly text: string };

class CopyIn {
  private readonly sql: string;
  private readonly source: CopySource;
  private readonly resolve: (rows: number) => void;
  private readonly reject: (error: Error) => void;
  private connection: Connection | undefined;
  private rows = 0;
  private stopped = false;

  constructor(sql: string, source: CopySource, resolve: (rows: number) => void, reject: (error: Error) => void) {
    this.sql = sql;
    this.source = source;
    this.resolve = resolve;
    this.reject = reject;
  }

  submit(connection: Connection): void {
    this.connection = connection;
    connection.query(this.sql);
  }

  handleCopyInResponse(): void {
    this.pump();
  }

  handleCommandComplete(message: CommandComplete): void {
    this.rows = Number(message.text.split(' ')[1]);
  }

  handleReadyForQuery(): void {
    this.stop();
    this.resolve(this.rows);
  }

  handleError(error: Error): void {
    this.stop();
    this.reject(error);
  }

  private readonly pump = (): void => {
    const stream = this.connection?.stream;
    if (stream === undefined || this.stopped) return;
    for (;;) {
      const piece = this.source();
      if (piece === null) {
        stream.write(copyDone);
        return;
      }
      if (!stream.write(piece)) {
        stream.once('drain', this.pump);
        return;
      }
    }
  };

  private stop(): void {
    this.stopped = true;
    this.connection?.stream.off('drain', this.pump);
  }
}
