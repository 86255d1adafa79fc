import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { describeWith, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { type Expansion, expandPatterns } from '../../../src/drivers/opcua/nodes/expand.ts';
import { withSession } from '../../../src/drivers/opcua/session/by-hand.ts';
import { insecure, useRigs } from './harness.ts';
import { asyncua } from './peers/asyncua.ts';
import { type PlantSettings, startPlant } from './peers/asyncua-plant.ts';

const rigFor = useRigs();

const plant: PlantSettings = {
  namespaces: ['urn:plant', 'urn:other'],
  types: [
    { name: 'MotorType', variables: { Speed: ['Double', 0], Current: ['Float', 0] } },
    { name: 'PumpMotorType', parent: 'MotorType', variables: { Flow: ['Int32', 0] } },
  ],
  nodes: [
    { path: 'Line1', folder: true },
    { path: 'Line1/Motor1', type: 'MotorType' },
    { path: 'Line1/Motor 2', type: 'MotorType' },
    { path: 'Line1/Motor9', type: 'MotorType', namespace: 'urn:other' },
    { path: 'Line1/Level', kind: 'Double', value: 1, unit: 'm', range: [0, 5] },
    { path: 'Line1/Curve', kind: 'Double', value: [1, 2] },
    { path: 'Hall', folder: true },
    { path: 'Hall/Line2', folder: true },
    { path: 'Hall/Line2/Motor1', type: 'PumpMotorType' },
  ],
  references: [
    ['Hall', 'Line1'],
    ['Line1', 'Hall'],
  ],
};

async function expanded(endpoint: string, patterns: readonly object[]): Promise<Expansion> {
  const device = opcuaDeviceSchema.parse({
    device: 'plant',
    protocol: 'opcua',
    endpoint,
    security: insecure,
    namespace: 'urn:plant',
    patterns,
  });
  const { signal } = new AbortController();
  return withSession(device, temporaryFolder(), signal, ({ session, facts }) =>
    expandPatterns(session, facts, device, signal),
  );
}

const idsOf = ({ tags }: Expansion): string[] => tags.map(({ tag, path, type }) => `${tag} ${path} ${type}`).sort();

describeWith(asyncua, 'patterns', () => {
  test('stand for the variables whose path fits, with what the server says of them', async () => {
    const { endpoint } = await startPlant(plant);
    const byPath = await expanded(endpoint, [
      { tag: '{1}-{2}-speed', path: 'Line*/Mot*/Speed' },
      { tag: 'line1.{1}', path: 'Line1/*' },
    ]);
    expect(idsOf(byPath)).toEqual([
      '1-or1-speed Line1/Motor1/Speed float64',
      '1-or_2-speed Line1/Motor 2/Speed float64',
      'line1.Curve Line1/Curve string',
      'line1.Level Line1/Level float64',
    ]);
    expect(byPath.tags.find(({ tag }) => tag === 'line1.Level')).toMatchObject({ unit: 'm', minimum: 0, maximum: 5 });
    expect(byPath.isWhole).toBe(true);
    expect(byPath.problems).toEqual([]);
  });

  test('stand for all instances of a type and of its subtypes, each found once though references lead round', async () => {
    const { endpoint } = await startPlant(plant);
    const types = await expanded(endpoint, [{ tag: 'x-{1}', path: 'Types/*' }]);
    expect(types.problems).toEqual(['Types/*: no variable fits']);
    const motorType = 'nsu=urn:plant;i=1';
    const found = await expanded(endpoint, [{ tag: '{path}.speed', instancesOf: motorType, path: 'Speed' }]);
    expect(found.problems).toEqual([]);
    expect(idsOf(found)).toEqual([
      'Hall.Line2.Motor1.speed Hall/Line2/Motor1/Speed float64',
      'Line1.Motor1.speed Line1/Motor1/Speed float64',
      'Line1.Motor9.speed Line1/nsu=urn:other;Motor9/Speed float64',
      'Line1.Motor_2.speed Line1/Motor 2/Speed float64',
    ]);
    const all = await expanded(endpoint, [{ tag: '{name}.{1}', instancesOf: motorType, path: '*' }]);
    expect(
      all.tags
        .filter(({ tag }) => tag.startsWith('Motor1.'))
        .map(({ tag }) => tag)
        .sort(),
    ).toEqual(['Motor1.Current', 'Motor1.Current', 'Motor1.Flow', 'Motor1.Speed', 'Motor1.Speed']);
    const analog = await expanded(endpoint, [{ tag: '{path}', instancesOf: 'i=63' }]);
    expect(analog.tags.map(({ tag }) => tag)).toContain('Line1.Level');
  });

  test('that give no tags stand in the notes of the driver, and cost the other tags nothing', async () => {
    const { endpoint } = await startPlant(plant);
    const rig = rigFor({
      endpoint,
      namespace: 'urn:plant',
      tags: [{ tag: 'level', path: 'Line1/Level' }],
      patterns: [{ tag: '{1}', path: 'Line*/Pump*/Speed' }],
    });
    await rig.sees('level', 1);
    const told = 'patterns of server1: Line*/Pump*/Speed: no variable fits';
    await waitFor(() => rig.driver.note?.()?.includes(told), { what: `the note "${told}"` });
  });

  test('that cannot be seen whole say why', async () => {
    const { endpoint } = await startPlant(plant);
    const { tags, isWhole, problems } = await expanded(endpoint, [
      { tag: 'a{1}', path: 'nsu=urn:gone;Line*/Speed' },
      { tag: 'b{name}', instancesOf: 'nsu=urn:plant;i=99999', path: 'Speed' },
    ]);
    expect(tags).toEqual([]);
    expect(isWhole).toBe(false);
    expect(problems).toContainEqual(expect.stringContaining('the server has no namespace urn:gone'));
    expect(problems).toContainEqual('the server has no type nsu=urn:plant;i=99999');
  });
});
