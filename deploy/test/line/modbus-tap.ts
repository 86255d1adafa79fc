/** Stands between the agent and a Modbus TCP device, and notes what is asked and what is refused. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type ModbusTap = {
  readonly port: number;
  /** Every request since it was emptied, as `first+count`; one that was refused ends with `!`. */
  readonly asked: string[];
  readonly close: () => Promise<void>;
};

/** The agent has one request under way at a time, so what comes at once is a request or a reply whole. */
export async function startModbusTap(devicePort: number): Promise<ModbusTap> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const join = (from: Socket, to: Socket, note: (frame: Buffer) => void): void => {
    sockets.add(from);
    from.on('data', (frame) => {
      note(frame);
      to.write(frame);
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer({ noDelay: true }, (agent) => {
    const device = connect({ port: devicePort, host: '127.0.0.1', noDelay: true });
    join(agent, device, (frame) => asked.push(`${frame.readUInt16BE(8)}+${frame.readUInt16BE(10)}`));
    join(device, agent, (frame) => {
      if (frame.readUInt8(7) >= 0x80) asked.push(`${asked.pop()}!`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
