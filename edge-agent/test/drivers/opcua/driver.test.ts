import { qualityName, type Sample, type ValueType } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { type ServerCommand, startServer, type TestServer } from './peers/node-opcua.ts';

const rigFor = useRigs();

describe('values', () => {
  type Case = {
    name: string;
    dataType: string;
    type: ValueType;
    value: unknown;
    expected: Sample['value'];
    quality?: string;
  };
  const cases: Case[] = [
    { name: 'flag', dataType: 'Boolean', type: 'bool', value: true, expected: true },
    { name: 'sbyte', dataType: 'SByte', type: 'int8', value: -128, expected: -128 },
    { name: 'byte', dataType: 'Byte', type: 'uint8', value: 255, expected: 255 },
    { name: 'int16', dataType: 'Int16', type: 'int16', value: -32768, expected: -32768 },
    { name: 'uint16', dataType: 'UInt16', type: 'uint16', value: 65535, expected: 65535 },
    { name: 'int32', dataType: 'Int32', type: 'int32', value: -2147483648, expected: -2147483648 },
    { name: 'uint32', dataType: 'UInt32', type: 'uint32', value: 4294967295, expected: 4294967295 },
    { name: 'int64', dataType: 'Int64', type: 'int64', value: [0xffdf_ffff, 0xffff_ffff], expected: -(2n ** 53n) - 1n },
    { name: 'uint64', dataType: 'UInt64', type: 'uint64', value: [0xffff_ffff, 0xffff_ffff], expected: 2n ** 64n - 1n },
    { name: 'float', dataType: 'Float', type: 'float32', value: 0.1, expected: Math.fround(0.1) },
    { name: 'double', dataType: 'Double', type: 'float64', value: 0.1, expected: 0.1 },
    { name: 'text', dataType: 'String', type: 'string', value: 'Pumpe läuft', expected: 'Pumpe läuft' },
    {
      name: 'localized',
      dataType: 'LocalizedText',
      type: 'string',
      value: { text: 'running', locale: 'en' },
      expected: 'running',
    },
    {
      name: 'date',
      dataType: 'DateTime',
      type: 'string',
      value: { date: '2026-03-01T12:00:00.000Z' },
      expected: '2026-03-01T12:00:00.000Z',
    },
    { name: 'bytes', dataType: 'ByteString', type: 'string', value: { base64: 'AQID' }, expected: 'AQID' },
    {
      name: 'nan',
      dataType: 'Double',
      type: 'float64',
      value: { number: 'NaN' },
      expected: null,
      quality: 'bad/not-a-number',
    },
    {
      name: 'infinite',
      dataType: 'Float',
      type: 'float32',
      value: { number: 'Infinity' },
      expected: null,
      quality: 'bad/not-a-number',
    },
    {
      name: 'tooWide',
      dataType: 'Int64',
      type: 'float64',
      value: [0x0020_0000, 1],
      expected: null,
      quality: 'bad/type',
    },
    { name: 'wrongType', dataType: 'String', type: 'float64', value: 'x', expected: null, quality: 'bad/type' },
  ];
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ nodes: cases.map(({ name, dataType }) => plantNode(name, dataType)) });
  });

  test('of every type arrive exactly, with the source time and the quality of the server', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags: cases.map(({ name, type }) => tagOf(name, type)) });
    await waitFor(() => rig.samples.length >= cases.length, { what: 'initial values' });
    const sourceTimeMs = Date.now() - 1_000;
    for (const { name, dataType, value } of cases) await server.ask({ do: 'set', name, dataType, value, sourceTimeMs });
    for (const { name, expected, quality = 'good' } of cases) {
      const sample = await waitFor(() => rig.of(name).find(({ time }) => time === sourceTimeMs * 1_000), {
        what: name,
      });
      expect({ name, value: sample.value, quality: qualityName(sample.quality) }).toEqual({
        name,
        value: expected,
        quality,
      });
    }
  });

  test('that the server calls uncertain or bad keep its reason, and a bad one has no value', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags: [tagOf('double')] });
    const set = (status: Extract<ServerCommand, { do: 'set' }>['status'], value: number): Promise<unknown> =>
      server.ask({
        do: 'set',
        name: 'double',
        dataType: 'Double',
        value,
        status: status ?? 'Good',
        sourceTimeMs: Date.now(),
      });
    await waitFor(() => rig.of('double').length > 0, { what: 'the first value' });
    await set('UncertainLastUsableValue', 1);
    expect((await rig.turns('double', 'uncertain/substituted')).value).toBe(1);
    await set('UncertainSensorNotAccurate', 2);
    expect((await rig.turns('double', 'uncertain/device')).value).toBe(2);
    await set('BadSensorFailure', 3);
    expect((await rig.turns('double', 'bad/device')).value).toBeNull();
    await set('BadWaitingForInitialData', 4);
    expect((await rig.turns('double', 'bad/not-available')).value).toBeNull();
    await set('Good', 5);
    await rig.sees('double', 5);
  });

  test('with the overflow bit are good, counted, and declared as lost since the value before', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags: [tagOf('uint32', 'uint32')] });
    const set = (value: number, sourceTimeMs: number, overflow: boolean): Promise<unknown> =>
      server.ask({ do: 'set', name: 'uint32', dataType: 'UInt32', value, sourceTimeMs, overflow });
    await waitFor(() => rig.of('uint32').length > 0, { what: 'the first value' });
    const now = Date.now();
    await set(1, now, false);
    await rig.sees('uint32', 1);
    await set(2, now + 700, true);
    expect(qualityName((await rig.sees('uint32', 2)).quality)).toBe('good');
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration' });
    expect(rig.declared).toEqual([
      {
        kind: 'series',
        device: 'server1',
        tag: 'uint32',
        from: now * 1_000,
        to: (now + 700) * 1_000,
        samples: null,
        reason: 'source-overflow',
      },
    ]);
    expect(await rig.metric('fieldline_opcua_overflows_total')).toBe(1);
  });
});
