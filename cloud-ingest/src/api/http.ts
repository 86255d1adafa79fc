/**
 * Fastify taught to speak zod: a route names its schemas once, and its types, its validation and its place in the OpenAPI
 * document follow from them.
 */
import type { Log } from '@fieldline/shared/runtime';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyTypeProvider,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import type { z } from 'zod';
import { parseParameters } from './parameters.ts';
import { answerOf, notFound, type Problem, problemSchema, RequestError, unexpected } from './problem.ts';
import { refuseUnreadable } from './unreadable.ts';

interface ZodTypeProvider extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  serializer: this['schema'] extends z.ZodType ? z.input<this['schema']> : unknown;
}

export type Http = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Requests are small: this API only reads. */
const maxBodyBytes = 4 * 1024;

export function createHttp(log: Log): Http {
  const http = fastify({
    bodyLimit: maxBodyBytes,
    forceCloseConnections: true,
    logger: false,
    frameworkErrors: refuseAddress,
    clientErrorHandler: refuseUnreadable,
  })
    .withTypeProvider<ZodTypeProvider>()
    .setValidatorCompiler<z.ZodType>(({ schema }) => (data) => {
      try {
        return { value: parseParameters(schema, data) };
      } catch (error) {
        return { error: error as Error };
      }
    })
    .setSerializerCompiler(() => JSON.stringify);
  http.setNotFoundHandler((request) => {
    throw notFound(`${request.method} ${request.url.split('?')[0]} is not here; /api/openapi.json lists what is`);
  });
  http.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const answer = answerOf(error) ?? answerOf(refusedByFastify(error));
    if (answer === null) log.error({ err: error, url: request.url.split('?')[0] }, 'a request failed unexpectedly');
    if (answer?.retryAfterS != null) reply.header('retry-after', answer.retryAfterS);
    if (answer?.problem.status === 401) reply.header('www-authenticate', 'Bearer realm="fieldline"');
    const problem: Problem = answer?.problem ?? unexpected(500);
    return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  });
  return http;
}

/** An address that no route can be looked for with, e.g. /%ZZ: it does not come to the error handler. */
function refuseAddress(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const problem: Problem = answerOf(refusedByFastify(error))?.problem ?? unexpected(500);
  reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

const refusedByFastify = (error: FastifyError): RequestError | null =>
  error.statusCode !== undefined && error.statusCode < 500 ? new RequestError('request/invalid', error.message) : null;

/** The replies of a route that reads: its own, and problem details for all else. */
export const replies = <Reply extends z.ZodType>(reply: Reply) => ({ 200: reply, default: problemSchema });
