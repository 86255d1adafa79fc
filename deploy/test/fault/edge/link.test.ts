import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Link, startLink } from '../../../fault/edge/link.ts';

describe('the link between a gateway and its broker', () => {
  const echo = createServer((socket) => void socket.pipe(socket).on('error', () => {}));
  let link: Link;
  const clients: Socket[] = [];

  beforeEach(async () => {
    if (!echo.listening) await once(echo.listen(0, '127.0.0.1'), 'listening');
    link = await startLink((echo.address() as AddressInfo).port);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await link.close();
  });
  afterAll(() => void echo.close());

  async function client() {
    const socket = connect(link.port, '127.0.0.1');
    clients.push(socket);
    const state = { heard: '', isOver: false };
    socket.on('error', () => {});
    socket.on('close', () => {
      state.isOver = true;
    });
    socket.on('data', (bytes) => {
      state.heard += bytes.toString();
    });
    await once(socket, 'connect');
    return { state, say: (text: string) => void socket.write(text) };
  }

  it('passes both ways', async () => {
    const { state, say } = await client();
    say('here');
    await waitFor(() => state.heard === 'here', { what: 'an echo' });
  });

  it('ends what is connected when it is cut, and lets new ones through when it is restored', async () => {
    const before = await client();
    link.cut();
    await waitFor(() => before.state.isOver, { what: 'the end of the connection' });
    link.restore();
    const after = await client();
    after.say('again');
    await waitFor(() => after.state.heard === 'again', { what: 'an echo' });
  });

  it('swallows what is said on connections that stay, for ever', async () => {
    const before = await client();
    link.swallow();
    const during = await client();
    before.say('nobody');
    during.say('hears');
    link.restore();
    const after = await client();
    after.say('this');
    await waitFor(() => after.state.heard === 'this', { what: 'an echo' });
    expect([before.state, during.state]).toEqual([
      { heard: '', isOver: false },
      { heard: '', isOver: false },
    ]);
  });
});
