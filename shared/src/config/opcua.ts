import { z } from 'zod';
import { type ValueType, valueTypes } from '../contracts/sample.ts';
import { addressProblems, addressShape, namespaceUri } from './opcua-address.ts';
import { callProblems, opcuaCallSchema } from './opcua-call.ts';
import { eventsProblems, eventsSchema } from './opcua-events.ts';
import { filterProblems, opcuaFilterShape } from './opcua-filter.ts';
import { patternProblems, patternShape } from './opcua-pattern.ts';
import { opcuaWriteObject, writeProblems } from './opcua-write.ts';
import {
  deadbandShape,
  isRange,
  keepingShape,
  notARange,
  tagDescriptionShape,
  thinningProblems,
} from './tag-shapes.ts';
import { durationMs, filePath, id, timeoutMs } from './units.ts';

function wrongType(part: 'status' | 'server-time' | undefined, type: ValueType): string | null {
  if (part === 'status' && type !== 'uint32' && type !== 'string') {
    return 'a status code is a uint32 of all its bits, or a string for its name: state one of these';
  }
  if (part === 'server-time' && type !== 'int64' && type !== 'string') {
    return 'the time of the server is an int64 of microseconds, or a string: state one of these';
  }
  return null;
}

const staleShape = {
  staleAfterMs: durationMs
    .optional()
    .describe(
      'a tag is bad/stale from this age of its source time on; the value is read before that is said. Not for servers that give a value that does not change the time of its last change',
    ),
};

const keeping = {
  ...keepingShape,
  class: keepingShape.class.describe(
    `${keepingShape.class.description}. A tag that takes events is of class alarm where neither it nor its device states one`,
  ),
};

export const opcuaTagSchema = z
  .strictObject({
    tag: id,
    ...addressShape,
    type: z.enum(valueTypes).default('float64'),
    part: z
      .enum(['status', 'server-time'])
      .optional()
      .describe(
        'what the tag takes in place of the value; status: its status code, all 32 bits (type uint32) or by name (string); server-time: when the server took the value, in microseconds since 1970 UTC (int64) or as text (string). Tags of one node are read together',
      ),
    element: z
      .string()
      .regex(
        /^(\[\d{1,9}\]|[^.[\]]+)(\.[^.[\]]+|\[\d{1,9}\])*$/,
        'names of fields and positions, such as axes[2].position, [0] or [1][3]',
      )
      .optional()
      .describe(
        'the part of an array or structure that the tag takes, e.g. [0] or axes[2].position; absent: all of it',
      ),
    events: eventsSchema,
    samplingMs: z.number().nonnegative().optional().describe('where it differs from that of the device'),
    ...deadbandShape,
    ...opcuaFilterShape,
    ...staleShape,
    ...keeping,
    ...tagDescriptionShape,
    write: opcuaWriteObject
      .optional()
      .describe('the tag may be written by commands, within these limits; without it, it may not'),
  })
  .refine(isRange, notARange)
  .refine(({ part, element }) => part === undefined || element === undefined, {
    path: ['element'],
    error: 'is a part of the value, which a tag with part does not take: leave one of the two out',
  })
  .superRefine((tag, context) => {
    const { part, type } = tag;
    const message = wrongType(part, type);
    if (message !== null) context.addIssue({ code: 'custom', path: ['type'], message });
    for (const problem of eventsProblems(tag)) context.addIssue({ code: 'custom', ...problem });
    for (const problem of writeProblems(tag)) context.addIssue({ code: 'custom', ...problem });
  });
export type OpcuaTag = z.infer<typeof opcuaTagSchema>;

/** What may be written is named one by one. */
const { tag: _tag, node: _node, write: _write, ...shapeOfTag } = opcuaTagSchema.shape;

export const opcuaPatternSchema = z
  .strictObject({
    ...shapeOfTag,
    ...patternShape,
    type: z.enum(valueTypes).optional().describe('absent: what the server says'),
  })
  .refine(isRange, notARange)
  .superRefine(({ part, type }, context) => {
    const message = type === undefined ? null : wrongType(part, type);
    if (message !== null) context.addIssue({ code: 'custom', path: ['type'], message });
  });
export type OpcuaPattern = z.infer<typeof opcuaPatternSchema>;

export const opcuaDeviceSchema = z
  .strictObject({
    device: id,
    protocol: z.literal('opcua'),
    endpoint: z.url({ protocol: /^opc\.tcp$/, error: 'must be an address such as opc.tcp://host:4840/path' }),
    security: z
      .strictObject({
        policy: z.enum(['None', 'Basic256Sha256', 'Aes128Sha256RsaOaep', 'Aes256Sha256RsaPss']),
        mode: z.enum(['None', 'Sign', 'SignAndEncrypt']),
      })
      .refine(({ policy, mode }) => (policy === 'None') === (mode === 'None'), {
        path: ['mode'],
        error: 'policy and mode are both None, or neither is',
      })
      .optional()
      .describe('absent: the strongest that the server offers; None must be stated, it is never fallen back to'),
    username: z.string().min(1).optional(),
    passwordFile: filePath.optional(),
    passwordInClearText: z
      .literal(true)
      .optional()
      .describe(
        'lets the password travel unencrypted, or by Basic128Rsa15, where the server takes it no other way: everyone on the network can read it',
      ),
    userCertificateFile: filePath
      .optional()
      .describe('X.509 certificate of the user, PEM or DER, in place of a password; read at each connect'),
    userKeyFile: filePath.optional().describe('its private key, PEM without a passphrase'),
    acquire: z
      .enum(['subscribe', 'read'])
      .default('subscribe')
      .describe(
        'subscribe: the server reports changes; where it has no subscriptions, or none left, values are read every samplingMs instead, but never more often than every 100 ms. read: they are always read',
      ),
    publishingMs: durationMs.default(500),
    samplingMs: z.number().nonnegative().default(500),
    queueSize: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('values that the server keeps per item between two publishes; computed when absent'),
    timeoutMs: timeoutMs.default(10_000),
    history: z
      .enum(['auto', 'off'])
      .default('auto')
      .describe(
        'after an outage, what was missed is read from the history of the server where it has one (auto), or not (off); what is not read is declared as lost',
      ),
    historyMaxMs: durationMs.default(7 * 24 * 3_600_000).describe('how far back the history is read after an outage'),
    ...deadbandShape,
    ...opcuaFilterShape,
    ...staleShape,
    silentMs: durationMs
      .default(300_000)
      .describe(
        'an item of which the server has said nothing for so long is read, since one that has died is as silent as a value that does not change',
      ),
    ...keeping,
    namespace: namespaceUri,
    tags: z.array(opcuaTagSchema).default([]),
    patterns: z
      .array(opcuaPatternSchema)
      .default([])
      .describe(
        'tags for all nodes whose path fits, or for all instances of a type; they are looked for at each connect',
      ),
    maxPatternTags: z
      .int()
      .min(1)
      .max(100_000)
      .default(5_000)
      .describe(
        'most tags that the patterns of this device make; what is beyond is not read, and told in the health report',
      ),
    forgetAfterMs: durationMs
      .default(7 * 24 * 3_600_000)
      .describe('a tag of a pattern whose node the server does not have is bad for so long, then it is forgotten'),
    calls: z
      .array(opcuaCallSchema)
      .max(1_000)
      .optional()
      .describe('methods that commands may call; nothing else can be called'),
  })
  .refine(({ username, passwordFile }) => (username === undefined) === (passwordFile === undefined), {
    path: ['username'],
    error: 'username and passwordFile go together: state both, or neither for an anonymous session',
  })
  .refine(({ passwordFile, passwordInClearText }) => passwordInClearText === undefined || passwordFile !== undefined, {
    path: ['passwordInClearText'],
    error: 'there is no password to send: state username and passwordFile, or leave it out',
  })
  .refine(
    ({ userCertificateFile, userKeyFile }) => (userCertificateFile === undefined) === (userKeyFile === undefined),
    {
      path: ['userCertificateFile'],
      error: 'userCertificateFile and userKeyFile go together: state both, or neither',
    },
  )
  .refine(({ username, userCertificateFile }) => username === undefined || userCertificateFile === undefined, {
    path: ['userCertificateFile'],
    error: 'a session has one user: state username and passwordFile, or userCertificateFile and userKeyFile',
  })
  .superRefine((device, context) => {
    for (const problem of thinningProblems(device, 'samplingMs', ({ samplingMs }) => samplingMs ?? device.samplingMs))
      context.addIssue({ code: 'custom', ...problem });
    for (const [position, tag] of device.tags.entries())
      for (const { path, message } of addressProblems(tag, device.namespace))
        context.addIssue({ code: 'custom', path: ['tags', position, ...path], message });
    for (const [position, call] of (device.calls ?? []).entries())
      for (const { path, message } of callProblems(call, device.namespace))
        context.addIssue({ code: 'custom', path: ['calls', position, ...path], message });
    for (const problem of filterProblems(device)) context.addIssue({ code: 'custom', ...problem });
    for (const [position, pattern] of device.patterns.entries())
      for (const { path, message } of patternProblems(pattern, device.namespace))
        context.addIssue({ code: 'custom', path: ['patterns', position, ...path], message });
    if (device.tags.length === 0 && device.patterns.length === 0)
      context.addIssue({
        code: 'custom',
        path: ['tags'],
        message: 'it has nothing to read; state tags, patterns, or both',
      });
  });
export type OpcuaSecurity = NonNullable<z.infer<typeof opcuaDeviceSchema>['security']>;
export type OpcuaDevice = z.infer<typeof opcuaDeviceSchema>;
