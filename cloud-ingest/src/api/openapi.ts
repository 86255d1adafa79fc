/** The OpenAPI 3.1 document, made from the zod schemas that the routes are checked by. */
import swagger from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { z } from 'zod';
import type { Http } from './http.ts';

type Json = Record<string, unknown>;

export async function describeApi(http: Http): Promise<void> {
  const components: Record<string, Json> = {};
  await http.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Fieldline',
        version: '1',
        description:
          'What the field sends and what the database holds. Everything here only reads. ' +
          'Instants are ISO 8601 text in UTC; in the columns of a history they are integer µs since 1970 UTC.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{}, { token: [] }],
    },
    transform: ({ schema, url }) => ({
      url,
      schema: {
        ...schema,
        ...converted(schema.querystring, 'querystring', components),
        ...converted(schema.params, 'params', components),
        ...(schema.response === undefined ? {} : { response: responses(schema, components) }),
      },
    }),
    transformObject: (document) => {
      const object = 'openapiObject' in document ? document.openapiObject : {};
      return { ...object, components: { ...object.components, schemas: components } } as typeof object;
    },
  });
  http.get('/api/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(http.swagger())),
  );
}

const converted = (schema: unknown, place: string, components: Record<string, Json>): Json =>
  schema instanceof z.ZodType ? { [place]: jsonSchema(schema, 'input', components) } : {};

const responses = ({ response, produces }: FastifySchema, components: Record<string, Json>): Json =>
  Object.fromEntries(
    Object.entries(response ?? {}).map(([status, schema]) => {
      if (!(schema instanceof z.ZodType)) return [status, schema];
      const isProblem = status === 'default';
      const description = isProblem ? 'what is wrong, and what would be right' : 'the answer';
      const type = isProblem ? 'application/problem+json' : (produces?.[0] ?? 'application/json');
      return [status, { description, content: { [type]: { schema: jsonSchema(schema, 'output', components) } } }];
    }),
  );

/** Schemas with an id of their own move to the components, so that generated clients give them names. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', components: Record<string, Json>): Json {
  const text = JSON.stringify(z.toJSONSchema(schema, { io, override: withoutPattern }));
  const { $schema: _dialect, $defs = {}, ...own } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/'));
  Object.assign(components, $defs);
  if (typeof own.id !== 'string') return own;
  components[own.id] = own;
  return { $ref: `#/components/schemas/${own.id}` };
}

/** `format: date-time` says it all; zod's pattern for it is longer than the rest of the schema. */
function withoutPattern({ jsonSchema }: { jsonSchema: { format?: string; pattern?: string } }): void {
  if (jsonSchema.format === 'date-time' || jsonSchema.format === 'uuid') delete jsonSchema.pattern;
}
