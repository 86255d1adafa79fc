import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createClient, maxBufferBytes } from '../../src/api/live/client.ts';

/** A client as the server has it, and as who listens, who has read nothing yet. */
async function connected() {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const request = get({ port: (server.address() as AddressInfo).port, agent: false });
  const [, response] = await once(server, 'request');
  const client = createClient(response, {});
  const [listener]: [IncomingMessage] = (await once(request, 'response')) as [IncomingMessage];
  return { client, listener };
}

test('who still reads a large event is sent no heartbeat and not dropped for it; the next event drops it', async () => {
  const event = `data: ${'x'.repeat(8 * maxBufferBytes)}\n\n`;
  for (const isKept of [true, false]) {
    const { client, listener } = await connected();
    expect(client.send(event)).toBe(true);
    client.keepAlive();
    if (isKept) {
      const said = text(listener);
      expect(await client.drained(30_000)).toBe(true);
      client.keepAlive();
      client.end();
      expect((await said).endsWith(`${event}: still here\n\n`)).toBe(true);
    } else {
      expect(client.send(event)).toBe(false);
      await expect(text(listener)).rejects.toThrow('aborted');
    }
  }
});
