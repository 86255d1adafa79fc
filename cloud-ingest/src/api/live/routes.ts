/** GET /api/v1/live */
import { z } from 'zod';
import type { Http } from '../http.ts';
import { latestSchema } from '../latest.ts';
import { deviceParameter, gatewayParameter } from '../parameters.ts';
import { problemSchema } from '../problem.ts';
import { createClient } from './client.ts';
import type { Feed } from './feed.ts';

export const liveEventSchema = z
  .strictObject({ at: z.iso.datetime().describe('when the API said so'), items: z.array(latestSchema) })
  .meta({ id: 'LiveEvent' });
export type LiveEvent = z.infer<typeof liveEventSchema>;

export function liveRoutes(http: Http, feed: Feed): void {
  http.get(
    '/api/v1/live',
    {
      // A HEAD would hold its place for ever.
      exposeHeadRoute: false,
      schema: {
        summary: 'Latest values as they change, as server-sent events',
        description:
          'Events named `latest`, whose data is a LiveEvent: first all latest values of the filter, then at most every ' +
          '500 ms those that changed. A listener that connects again begins anew, so nothing need be remembered.',
        tags: ['values'],
        produces: ['text/event-stream'],
        querystring: z.strictObject({ gateway: gatewayParameter.optional(), device: deviceParameter.optional() }),
        response: { 200: liveEventSchema, default: problemSchema },
      },
    },
    async ({ query, raw }, reply) => {
      feed.requirePlace();
      reply.hijack();
      const response = reply.raw;
      response.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      const client = createClient(response, query);
      response.on('error', () => feed.leave(client));
      raw.on('close', () => feed.leave(client));
      feed.join(client);
    },
  );
}
