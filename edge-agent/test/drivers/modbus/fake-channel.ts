import type { Channel } from '../../../src/drivers/modbus/channels/channel.ts';
import { lifeOf } from '../../../src/drivers/modbus/channels/channel.ts';

/** A channel whose other end is the test. What it has given is overwritten as soon as the listener returns, as that of a socket is later. */
export function createFakeChannel() {
  const sent: Buffer[] = [];
  let listener: (bytes: Buffer) => void = () => {};
  const channel: Channel = {
    ...lifeOf((closed) => closed()),
    write: (bytes) => void sent.push(bytes),
    onBytes: (next) => {
      listener = next;
    },
  };
  const receive = (bytes: Buffer): void => {
    const lent = Buffer.from(bytes);
    listener(lent);
    lent.fill(0xee);
  };
  return { channel, sent, receive };
}
