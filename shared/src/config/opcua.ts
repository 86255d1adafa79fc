import { z } from 'zod';
import { valueTypes } from '../contracts/sample.ts';
import {
  deadbandShape,
  isRange,
  keepingShape,
  notARange,
  tagDescriptionShape,
  thinningProblems,
} from './tag-shapes.ts';
import { durationMs, filePath, id } from './units.ts';

const guid = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const nodeId = new RegExp(`^(nsu=[^;]+;|ns=\\d{1,5};)?(i=\\d{1,10}|g=${guid}|[sb]=.+)$`);

export const opcuaTagSchema = z
  .strictObject({
    tag: id,
    node: z
      .string()
      .regex(nodeId, 'a node id such as nsu=urn:plant;s=Line1.Speed, ns=2;i=1001 or i=2258; i= takes digits, g= a GUID')
      .describe('node id; name the namespace by its URI (nsu=…): a server restart may renumber ns='),
    type: z.enum(valueTypes).default('float64'),
    samplingMs: z.number().nonnegative().optional().describe('where it differs from that of the device'),
    ...deadbandShape,
    ...keepingShape,
    ...tagDescriptionShape,
  })
  .refine(isRange, notARange);
export type OpcuaTag = z.infer<typeof opcuaTagSchema>;

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
      .default({ policy: 'Basic256Sha256', mode: 'SignAndEncrypt' })
      .describe('None must be stated: it is never fallen back to'),
    username: z.string().min(1).optional(),
    passwordFile: filePath.optional(),
    publishingMs: durationMs.default(500),
    samplingMs: z.number().nonnegative().default(500),
    queueSize: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('values that the server keeps per item between two publishes; computed when absent'),
    timeoutMs: durationMs.default(10_000),
    ...deadbandShape,
    ...keepingShape,
    tags: z.array(opcuaTagSchema).min(1),
  })
  .refine(({ username, passwordFile }) => (username === undefined) === (passwordFile === undefined), {
    path: ['username'],
    error: 'username and passwordFile go together: state both, or neither for an anonymous session',
  })
  .superRefine((device, context) => {
    for (const problem of thinningProblems(device, 'samplingMs', ({ samplingMs }) => samplingMs ?? device.samplingMs))
      context.addIssue({ code: 'custom', ...problem });
  });
export type OpcuaDevice = z.infer<typeof opcuaDeviceSchema>;
