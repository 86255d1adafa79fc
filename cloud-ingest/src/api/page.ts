/** The page, as files of our own: nothing is loaded from elsewhere, so it works where there is no internet. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { Http } from './http.ts';

const pageFolder = fileURLToPath(new URL('../../page/', import.meta.url));
const chartFolder = dirname(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.esm.js')));

/** Only our own files may run, and no other site may show the page inside its own. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export async function servePage(http: Http): Promise<void> {
  http.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': contentPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  await http.register(fastifyStatic, {
    root: pageFolder,
    cacheControl: false,
    setHeaders: (response) => response.setHeader('cache-control', 'no-cache'),
    allowedPath: (path) => /^\/([a-z-]+\/)*([a-z-]+\.(html|js|css|svg))?$/.test(path),
  });
  await http.register(fastifyStatic, {
    root: chartFolder,
    prefix: '/vendor/uplot/',
    decorateReply: false,
    cacheControl: true,
    maxAge: '1d',
    allowedPath: (path) => /^\/uPlot(\.esm\.js|\.min\.css)$/.test(path),
  });
}
