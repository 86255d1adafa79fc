/**
 * One listener of the live feed, as server-sent events (HTML standard, 9.2). What is written and not yet taken by the
 * network is bounded: a listener that is too slow is dropped, connects again and begins with all latest values.
 */
import type { ServerResponse } from 'node:http';
import { pause } from '@fieldline/shared/runtime';
import type { Latest } from '../latest.ts';

/** Beyond it nothing more is written; the most that a client can hold is this and one event. */
export const maxBufferBytes = 1024 * 1024;
/** How soon a browser connects again. */
const retryMs = 2_000;

export type LiveFilter = { readonly gateway?: string | undefined; readonly device?: string | undefined };

export type LiveClient = {
  readonly filter: LiveFilter;
  /** Where the next page of its first values begins; null when it has them all. */
  after: string | null;
  /** Whether the network has taken everything, or takes it within `ms`. */
  readonly drained: (ms: number) => Promise<boolean>;
  /** false if the client was too slow and is dropped by this. */
  readonly send: (text: string) => boolean;
  /** Tells that the connection lives, where nothing else is on its way that tells it. */
  readonly keepAlive: () => void;
  readonly end: () => void;
};

export function createClient(response: ServerResponse, filter: LiveFilter): LiveClient {
  let lastWrite = Promise.resolve();
  const write = (text: string): void => {
    // The callback also comes when the connection breaks: nobody waits for ever.
    lastWrite = new Promise((resolve) => response.write(text, () => resolve()));
  };
  write(`retry: ${retryMs}\n\n`);
  return {
    filter,
    after: '',
    drained: (ms) => Promise.race([lastWrite.then(() => true), pause(ms).then(() => false)]),
    send: (text) => {
      if (response.writableLength > maxBufferBytes) {
        response.destroy();
        return false;
      }
      write(text);
      return true;
    },
    keepAlive: () => {
      if (response.writableLength === 0) write(heartbeat);
    },
    end: () => response.end(),
  };
}

export const wants = ({ gateway, device }: LiveFilter, row: Pick<Latest, 'gateway' | 'device'>): boolean =>
  (gateway === undefined || gateway === row.gateway) && (device === undefined || device === row.device);

/** `items` are JSON already: each row is written once, however many listen. */
export const latestEvent = (at: string, items: readonly string[]): string =>
  `event: latest\ndata: {"at":"${at}","items":[${items.join(',')}]}\n\n`;

const heartbeat = ': still here\n\n';
