/**
 * KafkaJS 2.2.4 sets a timer with a negative time whenever a request queue has nothing to wait for, and Node 24 warns of it
 * (tulios/kafkajs#1751, not released). The timer would find nothing to do, so we do not set it: the same method, only when
 * requests are waiting. The test of this file notices an update that changes the method.
 */
import { createRequire } from 'node:module';

type RequestQueue = { readonly pending: readonly unknown[]; scheduleCheckPendingRequests(): void };

const require = createRequire(import.meta.url);
const mended = Symbol.for('fieldline.kafkajs.mended');

export function mendRequestTimer(): void {
  const {
    prototype,
  }: { prototype: RequestQueue & { [mended]?: true } } = require('kafkajs/src/network/requestQueue/index.js');
  if (prototype[mended]) return;
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenPending(this: RequestQueue) {
    if (this.pending.length > 0) original.call(this);
  };
  prototype[mended] = true;
}
