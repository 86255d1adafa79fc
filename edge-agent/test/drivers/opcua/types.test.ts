import { qualityName, type Sample, type ValueType } from '@fieldline/shared/contracts';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';
import { startServer } from './peers/node-opcua.ts';
import { scalarCases } from './scalar-cases.ts';

const rigFor = useRigs();
const serverWith = useAsyncua();

type Case = readonly [name: string, type: ValueType, value: Sample['value'], quality?: string];
type ElementCase = readonly [
  name: string,
  element: string,
  ...rest: Case extends readonly [string, ...infer R] ? R : never,
];

const first = '{"Position":1.25,"Steps":"9007199254740993","State":"Running"}';
const second = '{"Position":-2.5,"Steps":-1,"State":"Fault"}';

const cases: Case[] = [
  ...scalarCases,
  ['DiagnosticInfo', 'string', 'why'],
  ['DataValue', 'string', '{"Value":7,"StatusCode":"Good","SourceTimestamp":null,"ServerTimestamp":null}'],
  ['Variant', 'string', '[7,"seven"]'],
  ['doubles', 'string', '[1.5,"NaN"]'],
  ['longs', 'string', '[1,"9007199254740993"]'],
  ['matrix', 'string', '[[1,2,3],[4,5,6]]'],
  ['texts', 'string', '["a",null,"quoted \\"b\\""]'],
  ['padded', 'string', 'P-101'],
  ['two-texts', 'string', null, 'bad/type'],
  ['texts-of-two', 'string', '["a\\u0000b","c"]'],
  ['never', 'string', '9999-12-31T23:59:59.000Z'],
  ['empty', 'string', '[]'],
  ['state', 'string', 'Running'],
  ['unnamed-state', 'string', '9'],
  ['old-state', 'string', 'open'],
  ['value-state', 'string', 'below'],
  ['machine', 'string', `{"Name":"press","Axes":[${first},${second}],"Main":${second},"Speed":7,"Raw":[1,2]}`],
  ['axes', 'string', `[${first},${second}]`],
  ['choice', 'string', '{"Text":"b"}'],
  ['open', 'string', first],
  ['range', 'string', '{"Low":-1,"High":2}'],
];

const elements: ElementCase[] = [
  ['doubles', '[0]', 'float64', 1.5],
  ['doubles', '[1]', 'float64', null, 'bad/not-a-number'],
  ['doubles', '[2]', 'float64', null, 'bad/not-available'],
  ['longs', '[1]', 'int64', 2n ** 53n + 1n],
  ['matrix', '[1][2]', 'int32', 6],
  ['matrix', '[1]', 'string', '[4,5,6]'],
  ['machine', 'Axes[1].Position', 'float64', -2.5],
  ['machine', 'Axes[0].Steps', 'int64', 2n ** 53n + 1n],
  ['machine', 'Main.State', 'string', 'Fault'],
  ['machine', 'Main.State', 'int32', 2],
  ['machine', 'Remark', 'string', null, 'bad/not-available'],
  ['machine', 'Name.More', 'string', null, 'bad/not-available'],
  ['machine', 'Main', 'float64', null, 'bad/type'],
  ['choice', 'Number', 'float64', null, 'bad/not-available'],
  ['range', 'High', 'float64', 2],
];

const node = (name: string): string => `nsu=urn:plant;s=${name}`;
const summary = ({ value, quality }: Sample) => ({ value, quality: qualityName(quality) });

describeWith(asyncua, 'the types of a server that is not node-opcua', () => {
  test('arrive exactly: scalars, arrays, enumerations and structures by their description', async () => {
    const server = await serverWith({ namespaces: ['urn:other', 'urn:plant'], nodes: [], types: 'urn:plant' });
    const numbers = ['state', 'old-state'].map((name) => tagOf(`${name}-number`, 'int32', node(name)));
    const tags = cases.map(([name, type]) => tagOf(name, type, node(name)));
    const parts = elements.map(([name, element, type], position) => ({
      ...tagOf(`element-${position}`, type, node(name)),
      element,
    }));
    const rig = rigFor({ endpoint: server.endpoint, tags: [...tags, ...numbers, ...parts] });
    const newest = (tag: string) => waitFor(() => rig.of(tag).at(-1), { what: tag });
    const seen = await Promise.all(cases.map(async ([name]) => ({ name, ...summary(await newest(name)) })));
    expect(seen).toEqual(cases.map(([name, , value, quality = 'good']) => ({ name, value, quality })));
    for (const { tag } of numbers) expect(summary(await newest(tag))).toEqual({ value: 1, quality: 'good' });
    const picked = await Promise.all(
      elements.map(async ([name, element], position) => ({
        part: `${name} ${element}`,
        ...summary(await newest(`element-${position}`)),
      })),
    );
    expect(picked).toEqual(
      elements.map(([name, element, , value, quality = 'good']) => ({ part: `${name} ${element}`, value, quality })),
    );
  });

  test('that it does not describe are kept as their bytes, flagged, and harm nobody', async () => {
    const server = await serverWith({ namespaces: ['urn:plant'], nodes: [], types: 'urn:plant' });
    const tags = [
      tagOf('secret', 'string'),
      { ...tagOf('code', 'uint32', node('secret')), element: 'Code' },
      tagOf('Double'),
    ];
    const rig = rigFor({ endpoint: server.endpoint, tags });
    const secret = await rig.turns('secret', 'uncertain/undecoded');
    const { type, body } = JSON.parse(String(secret.value));
    expect(type).toMatch(/^nsu=urn:plant;/);
    expect(Buffer.from(body, 'base64').readUInt32LE()).toBe(0x0102_0304);
    expect(summary(await rig.turns('code', 'bad/not-available')).value).toBeNull();
    await rig.sees('Double', 0.1);
  });
});

test('a value of a megabyte comes, beside the others', async () => {
  const nodes = [plantNode('image', 'ByteString'), plantNode('level', 'Double', 1)];
  const server = await startServer({ nodes });
  const rig = rigFor({ endpoint: server.endpoint, tags: [tagOf('image', 'string'), tagOf('level')] });
  await rig.sees('level', 1);
  const base64 = Buffer.alloc(2 ** 20, 'x').toString('base64');
  await server.ask({ do: 'set', name: 'image', dataType: 'ByteString', value: { base64 }, sourceTimeMs: Date.now() });
  await rig.sees('image', base64);
  await server.ask({ do: 'set', name: 'level', dataType: 'Double', value: 2, sourceTimeMs: Date.now() });
  await rig.sees('level', 2);
  await server.kill();
});
