/** Methods that commands may call: what is stated of one, and what of its inputs contradicts itself. Nothing else can be called. */
import { z } from 'zod';
import { valueTypes } from '../contracts/sample.ts';
import { limitsShape } from './commands.ts';
import { addressProblems, nodeText, pathText } from './opcua-address.ts';
import { typedRuleProblems } from './opcua-write.ts';
import { keepingShape, tagDescriptionShape } from './tag-shapes.ts';
import { durationMs, id, timeoutMs } from './units.ts';

/** The input by which a command names the object, where the settings leave that to it. */
export const objectInput = 'object';

const inputSchema = z
  .strictObject({
    name: z.string().min(1).max(64).describe('as the method itself names it'),
    type: z.enum(valueTypes).default('float64'),
    ...limitsShape,
  })
  .superRefine((input, context) => {
    for (const [key, message] of typedRuleProblems(input.type, input)) {
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });
export type CallInput = z.infer<typeof inputSchema>;

export const opcuaCallSchema = z
  .strictObject({
    tag: id.describe('commands name it as they name a tag; its samples are what each call gave, as JSON'),
    object: z
      .union([nodeText, z.literal('any')])
      .optional()
      .describe(
        'whose method it is; any: each command names it, as the input `object` (conditions, to acknowledge them)',
      ),
    objectPath: pathText
      .optional()
      .describe('in place of object: browse names from the Objects folder, e.g. Line1/Mixer'),
    method: nodeText.optional(),
    methodPath: pathText.optional().describe('in place of method: e.g. Line1/Mixer/Dose'),
    inputs: z.array(inputSchema).max(32).default([]).describe('all inputs of the method, in its order'),
    timeoutMs: timeoutMs.optional().describe('where it differs from that of the device'),
    atMostEveryMs: durationMs.default(1_000).describe('a command sooner after the one before, of this tag, is refused'),
    class: keepingShape.class,
    description: tagDescriptionShape.description,
  })
  .superRefine(({ object, inputs }, context) => {
    const names = inputs.map(({ name }) => name);
    for (const [index, name] of names.entries()) {
      const path = ['inputs', index, 'name'];
      if (names.indexOf(name) < index)
        context.addIssue({ code: 'custom', path, message: 'another input has this name' });
      if (object === 'any' && name === objectInput) {
        context.addIssue({ code: 'custom', path, message: 'is how a command names the object, where that is any' });
      }
    }
  });
export type OpcuaCall = z.infer<typeof opcuaCallSchema>;

/** `namespace`: of the names in the paths that state none. */
export const callProblems = ({ object, objectPath, method, methodPath }: OpcuaCall, namespace: string | undefined) => [
  ...addressProblems({ node: object, path: objectPath }, namespace, { node: 'object', path: 'objectPath' }),
  ...addressProblems({ node: method, path: methodPath }, namespace, { node: 'method', path: 'methodPath' }),
];
