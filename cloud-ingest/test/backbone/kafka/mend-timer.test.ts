/** The method of KafkaJS that we mend: an update that changes it is noticed here. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { mendRequestTimer } from '../../../src/backbone/kafka/mend-timer.ts';

const require = createRequire(import.meta.url);
const path = 'kafkajs/src/network/requestQueue/index.js';

test('KafkaJS still sets its timer where we mend it, and only a queue that waits has one afterwards', () => {
  const source = readFileSync(require.resolve(path), 'utf8');
  expect(source).toContain('let scheduleAt = this.throttledUntil - Date.now()');
  mendRequestTimer();
  mendRequestTimer();
  const RequestQueue = require(path);
  const queue = new RequestQueue({ clientId: 'test', broker: 'none', logger: { debug: () => {} } });
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  queue.pending.push({});
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
  queue.destroy();
});
