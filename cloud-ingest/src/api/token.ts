/**
 * Who may read. Where a token is set, every request needs it: as `Authorization: Bearer`, or as the cookie that the login
 * form and `?token=` set for the page. The cookie holds a keyed hash, so that the token itself is not kept by the browser.
 *
 * Without a token (only possible on loopback) requests must name a loopback host: else a web page elsewhere could read
 * here through a name of its own that it points to 127.0.0.1.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ApiConfig } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { readSecret } from '@fieldline/shared/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Http } from './http.ts';
import { RequestError } from './problem.ts';

const minTokenLength = 16;
const cookieName = 'fieldline';
/** What the login form itself is made of. */
const openPaths = new Set(['/login', '/login.html', '/styles/base.css', '/styles/login.css', '/favicon.svg']);

/** null where no token is set. @throws FieldlineError settings/unreadable, settings/invalid */
export function readToken({ tokenFile }: ApiConfig): string | null {
  if (tokenFile === undefined) return null;
  const token = readSecret(tokenFile, 'api.tokenFile');
  if (token.length >= minTokenLength) return token;
  throw new FieldlineError(
    'settings/invalid',
    `api.tokenFile: ${tokenFile} holds ${token.length} characters; a token has at least ${minTokenLength}: ` +
      'write one with `openssl rand -hex 24`',
  );
}

/** In time that does not depend on where two texts differ. */
const equal = (left: string, right: string): boolean =>
  timingSafeEqual(digest(left, 'compare'), digest(right, 'compare'));
const digest = (text: string, key: string): Buffer => createHmac('sha256', key).update(text).digest();

export function guard(http: Http, token: string | null): void {
  if (token === null) {
    http.addHook('onRequest', async (request) => requireLoopbackName(request));
    return;
  }
  const cookie = digest('fieldline page', token).toString('hex');
  const logIn = (reply: FastifyReply, given: string): FastifyReply =>
    equal(given, token)
      ? reply.header('set-cookie', `${cookieName}=${cookie}; Path=/; HttpOnly; SameSite=Strict`).redirect('/', 303)
      : reply.redirect('/login.html#wrong', 303);

  http.addHook('onRequest', async (request, reply) => {
    const [path = '', query = ''] = request.url.split('?', 2);
    if (openPaths.has(path) || mayRead(request, token, cookie)) return;
    const given = new URLSearchParams(query).get('token');
    if (given !== null && path === '/') return logIn(reply, given);
    if (request.headers.accept?.includes('text/html')) return reply.redirect('/login.html', 303);
    throw new RequestError('request/token', 'send the token of api.tokenFile as `Authorization: Bearer <token>`');
  });
  http.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  );
  http.post(
    '/login',
    { schema: { hide: true, body: z.object({ token: z.string().max(1_024) }) } },
    async ({ body }, reply) => logIn(reply, body.token),
  );
}

function mayRead({ headers }: FastifyRequest, token: string, cookie: string): boolean {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return equal(bearer, token);
  const cookies = (headers.cookie ?? '').split(/; */);
  const ours = cookies.find((pair) => pair.startsWith(`${cookieName}=`));
  return ours !== undefined && equal(ours.slice(cookieName.length + 1), cookie);
}

function requireLoopbackName({ headers: { host = '' } }: FastifyRequest): void {
  if (/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)) return;
  throw new RequestError(
    'request/misdirected',
    `this API has no token and answers on this machine only, not as ${host}: set api.tokenFile to reach it from elsewhere`,
  );
}
