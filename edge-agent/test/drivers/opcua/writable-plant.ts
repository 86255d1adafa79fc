/** A server with nodes of every kind to write to, and drivers that write to it. */
import type { Tag, Value } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll } from 'vitest';
import type { TagWriter, WriteProblem } from '../../../src/drivers/driver.ts';
import { type DeviceSettings, plantNode, tagOf, useRigs } from './harness.ts';
import { startServer, type TestServer, type WrittenNode } from './peers/node-opcua.ts';

export const numbers = [
  { name: 'sbyte', dataType: 'SByte', type: 'int8', value: -128 },
  { name: 'byte', dataType: 'Byte', type: 'uint8', value: 255 },
  { name: 'int16', dataType: 'Int16', type: 'int16', value: -32768 },
  { name: 'uint16', dataType: 'UInt16', type: 'float64', value: 65535 },
  { name: 'int32', dataType: 'Int32', type: 'int32', value: -(2 ** 31) },
  { name: 'uint32', dataType: 'UInt32', type: 'uint32', value: 2 ** 32 - 1 },
  { name: 'int64', dataType: 'Int64', type: 'int64', value: -(2n ** 53n) - 1n },
  { name: 'uint64', dataType: 'UInt64', type: 'uint64', value: 2n ** 64n - 1n },
  { name: 'float', dataType: 'Float', type: 'float32', value: Math.fround(21.3) },
  { name: 'double', dataType: 'Double', type: 'float64', value: 0.1 },
  { name: 'flag', dataType: 'Boolean', type: 'bool', value: true },
  { name: 'text', dataType: 'String', type: 'string', value: 'Pumpe läuft' },
  { name: 'date', dataType: 'DateTime', type: 'string', value: '2026-03-01T12:00:00.000Z' },
  { name: 'bytes', dataType: 'ByteString', type: 'string', value: 'AQID' },
] as const;

const of = (name: string, dataType: string, writing: object = {}, value: unknown = 1) => ({
  ...plantNode(name, dataType, value),
  writing,
});
const odd = [
  { ...plantNode('recipe', 'Double'), writing: { rank: 1 } },
  { ...plantNode('totals', 'Int64'), writing: { rank: 1 } },
  { ...plantNode('names', 'String'), writing: { rank: 1 } },
  { ...plantNode('slots', 'UInt16'), writing: { rank: 1 } },
  of('readOnly', 'Double', { access: 'CurrentRead' }),
  of('writeOnly', 'Double', { access: 'CurrentWrite' }),
  of('list', 'Double', { rank: 1 }, null),
  of('refusing', 'Double', { answer: 'BadNotWritable' }),
  of('denying', 'Double', { answer: 'BadUserAccessDenied' }),
  of('picky', 'Double', { answer: 'BadTypeMismatch' }),
  of('doubting', 'Double', { answer: 'UncertainLastUsableValue' }),
  of('deaf', 'Double', { answer: 'BadTimeout' }),
  of('clamping', 'Double', { answer: 'GoodClamped' }),
  of('slow', 'Double', { answer: 'Good', afterMs: 1_500 }),
  plantNode('empty', 'UInt16'),
  plantNode('level', 'Double', 5),
  plantNode('localized', 'LocalizedText', { text: 'läuft', locale: 'de' }),
];
/** Limits that hold any number. */
export const write = { min: -1e300, max: 1e300 };
const ofType: Partial<Record<(typeof numbers)[number]['type'], object>> = {
  bool: {},
  string: {},
  int64: { min: '-9223372036854775808', max: '9223372036854775807' },
  uint64: { min: 0, max: '18446744073709551615' },
};
export const writableTag = (name: string, type: (typeof numbers)[number]['type'] = 'float64') => ({
  ...tagOf(name, type),
  write: ofType[type] ?? write,
});

/** Started before the tests of a file, for all of them. */
export function useWritablePlant() {
  const rigFor = useRigs();
  let server: TestServer;

  beforeAll(async () => {
    const plain = numbers.map(({ name, dataType }) => plantNode(name, dataType));
    server = await startServer({ nodes: [...plain, ...odd] });
  });
  afterAll(() => server.kill());

  const writtenTo = async (name: string): Promise<WrittenNode[]> => {
    const all = (await server.ask({ do: 'written' })) as WrittenNode[];
    return all.filter(({ node }) => node.endsWith(`;s=${name}`));
  };

  /** A driver that reads and writes, connected. */
  const connected = async (tags: DeviceSettings['tags'] & object, endpoint = server.endpoint, timeoutMs = 10_000) => {
    const rig = rigFor({ endpoint, tags: [...tags], timeoutMs });
    await waitFor(() => rig.driver.status()[0]?.state === 'connected' && rig.samples.length > 0, {
      what: 'a connection',
    });
    const { writer } = rig.driver;
    const tag = (name: string): Tag => {
      const found = rig.driver.tags.find((each) => each.tag === name);
      if (found === undefined) throw new Error(`no tag ${name}`);
      return found;
    };
    const put = (name: string, value: Value, permit: (before: Value | null) => WriteProblem | null = () => null) =>
      (writer as TagWriter).write(tag(name), { value, permit });
    return { rig, put, get: (name: string) => (writer as TagWriter).read(tag(name)) };
  };
  return { connected, writtenTo, plantServer: () => server };
}
