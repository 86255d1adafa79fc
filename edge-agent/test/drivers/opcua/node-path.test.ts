import { describeWith } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { useRigs } from './harness.ts';
import { asyncua } from './peers/asyncua.ts';
import { type PlantNode, startPlant } from './peers/asyncua-plant.ts';

const rigFor = useRigs();

const variable = (path: string, value: number, rest: Partial<PlantNode> = {}): PlantNode => ({
  path,
  kind: 'Double',
  value,
  ...rest,
});
const nodes = [
  { path: 'Line1' },
  variable('Line1/Speed', 1),
  variable('Line1/Speed', 99, { namespace: 'urn:other' }),
  variable('Line1/a&b', 2),
  { path: 'Line2' },
  variable('Line2/Speed', 3),
];
const tagAt = (tag: string, path: string) => ({ tag, path });

describeWith(asyncua, 'tags by browse path', () => {
  test('are looked up by names of their namespaces; one that no node has is refused alone, until a node has it', async () => {
    const plant = await startPlant({ namespaces: ['urn:plant', 'urn:other'], nodes });
    const rig = rigFor({
      endpoint: plant.endpoint,
      namespace: 'urn:plant',
      tags: [
        tagAt('one', 'Line1/Speed'),
        tagAt('other', 'Line1/nsu=urn:other;Speed'),
        tagAt('odd', 'Line1/a&&b'),
        tagAt('two', 'Line2/Speed'),
        tagAt('state', '0:Server/0:ServerStatus/0:BuildInfo/0:ProductName'),
        tagAt('late', 'Line3/Speed'),
        tagAt('foreign', 'nsu=urn:gone;Line1'),
      ].map((tag) => (tag.tag === 'state' ? { ...tag, type: 'string' as const } : tag)),
    });
    await rig.sees('one', 1);
    await rig.sees('other', 99);
    await rig.sees('odd', 2);
    await rig.sees('two', 3);
    expect((await rig.turns('state', 'good')).value).toMatch(/\w/);
    await rig.turns('late', 'bad/address');
    await rig.turns('foreign', 'bad/address');
    expect(rig.driver.status()[0]?.trouble).toContain(
      'refuses 2 of 7 nodes, first late: Line3/Speed: no node has this path (BadNoMatch)',
    );
    await plant.tell({ do: 'add', path: 'Line3' });
    await plant.tell({ do: 'add', ...variable('Line3/Speed', 4) });
    await rig.sees('late', 4);
    expect(rig.driver.status()[0]?.trouble).toContain('the server has no namespace urn:gone');
  });

  test('are looked up again after a restart that gave their node ids to others', async () => {
    const first = await startPlant({ namespaces: ['urn:plant', 'urn:other'], nodes });
    const rig = rigFor({
      endpoint: first.endpoint,
      namespace: 'urn:plant',
      tags: [tagAt('one', 'Line1/Speed'), tagAt('two', 'Line2/Speed')],
    });
    await rig.sees('one', 1);
    await rig.sees('two', 3);
    await first.kill();
    await rig.turns('two', 'bad/not-connected');
    const { port } = first;
    await startPlant({
      port,
      namespaces: ['urn:other', 'urn:plant'],
      nodes: [...nodes.slice(4), ...nodes.slice(0, 4)],
    });
    await rig.turns('one', 'good');
    await rig.turns('two', 'good');
    expect(rig.of('one').map(({ value }) => value)).toEqual([1, null, 1]);
    expect(rig.of('two').map(({ value }) => value)).toEqual([3, null, 3]);
  });

  test('name no node where two have their path, and say which', async () => {
    const plant = await startPlant({ nodes: [...nodes.slice(0, 2), variable('Line1/Speed', 5)] });
    const rig = rigFor({ endpoint: plant.endpoint, namespace: 'urn:plant', tags: [tagAt('one', 'Line1/Speed')] });
    await rig.turns('one', 'bad/address');
    expect(rig.driver.status()[0]?.trouble).toMatch(
      /2 nodes have this path: state node for the one .* of ns=2;i=\d+, ns=2;i=\d+/,
    );
  });
});
