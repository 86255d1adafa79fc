import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort, freePorts } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';

test('free ports can be listened on, all of them at a time, and are none that a system gives by itself', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  const servers = ports.map((port) => createServer().listen(port, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  for (const server of servers) server.close();
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(freePorts.first);
  expect(Math.max(...ports)).toBeLessThanOrEqual(freePorts.last);
});
