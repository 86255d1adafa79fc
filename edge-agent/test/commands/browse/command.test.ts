import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { parseConfig } from '@fieldline/shared/config/load-config';
import { describeWith } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import * as browse from '../../../src/commands/browse/command.ts';
import { pathFilter } from '../../../src/commands/browse/glob.ts';
import * as read from '../../../src/commands/read/command.ts';
import { asyncua } from '../../drivers/opcua/peers/asyncua.ts';
import { startPlant } from '../../drivers/opcua/peers/asyncua-plant.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

const plant = () =>
  startPlant({
    namespaces: ['urn:plant', 'urn:other'],
    types: [{ name: 'MotorType', variables: { Speed: ['Double', 0], Running: ['Boolean', true] } }],
    nodes: [
      { path: 'Line1', folder: true },
      { path: 'Line1/Motor 1', type: 'MotorType' },
      { path: 'Line1/Level', kind: 'Float', value: 2.5, unit: 'm', range: [0, 10] },
      { path: 'Line1/Level', kind: 'Int32', value: 5, namespace: 'urn:other' },
      { path: 'Line1/Curve', kind: 'Double', value: [1, 2] },
      { path: 'Line2', folder: true },
      { path: 'Line2/Motor 1', type: 'MotorType' },
    ],
    references: [
      ['Line2', 'Line1'],
      ['Line1', 'Line2'],
    ],
  });
const at = (endpoint: string, ...args: string[]) => [endpoint, '--security', 'None', ...args];
const cells = (line: string): string[] => line.trim().split(/ {2,}/);

describeWith(asyncua, 'browse', () => {
  test('shows kinds, types, node ids and values as a tree, and follows references in a ring once', async () => {
    const { endpoint } = await plant();
    const { said, thrown } = await runByHand(browse, at(endpoint, '--values', '--filter', 'Line1/**'));
    expect(thrown).toBe(null);
    const node = expect.stringMatching(/^nsu=urn:plant;i=\d+$/);
    const tree = said.map((line) => [line.search(/\S/) / 2, ...cells(line)]);
    expect(tree).toContainEqual([0, 'Line1', 'object', 'FolderType', node]);
    expect(tree).toContainEqual([1, 'Motor 1', 'object', 'MotorType', node]);
    expect(tree).toContainEqual([2, 'Speed', 'variable', 'float64', node, '0']);
    expect(tree).toContainEqual([2, 'Running', 'variable', 'bool', node, 'true']);
    expect(tree).toContainEqual([1, 'Level', 'variable', 'float32 m', node, '2.5']);
    expect(tree).toContainEqual([1, 'Level', 'variable', 'int32', expect.stringContaining('nsu=urn:other;'), '5']);
    expect(tree).toContainEqual([1, 'Curve', 'variable', 'float64[]', node, '"[1,2]"']);
    expect(tree).toContainEqual([1, 'Line2', 'object', 'FolderType', node]);
    expect(said.filter((line) => line.trim().startsWith('Line1 '))).toHaveLength(1);
  });

  test.each(['--tags', '--paths'])('%s writes what the settings take, and the agent reads by it', async (as) => {
    const { endpoint } = await plant();
    const { said, thrown } = await runByHand(browse, at(endpoint, as, '--filter', 'Line*/**'));
    expect(thrown).toBe(null);
    const yaml = said.join('\n');
    const head = `device: plant\nprotocol: opcua\nendpoint: ${endpoint}\nsecurity: { policy: None, mode: None }\n`;
    const { tags, namespace } = parseConfig(opcuaDeviceSchema, `${head}${yaml}`, 'browsed.yaml');
    expect(tags.map(({ tag }) => tag).sort()).toEqual([
      'Line1.Curve',
      'Line1.Level',
      'Line1.Level-2',
      'Line1.Motor_1.Running',
      'Line1.Motor_1.Speed',
      'Line2.Motor_1.Running',
      'Line2.Motor_1.Speed',
    ]);
    expect(tags.find(({ unit }) => unit === 'm')).toMatchObject({ type: 'float32', minimum: 0, maximum: 10 });
    expect(namespace).toBe(as === '--paths' ? 'urn:plant' : undefined);
    expect(tags.every(({ path }) => (path === undefined) === (as === '--tags'))).toBe(true);
    const indented = `${head}${yaml}`.replaceAll('\n', '\n    ');
    const settings = settingsFile(`  - ${indented}\n`);
    const values = await runByHand(read, ['--config', settings, '--device', 'plant']);
    expect(values.thrown).toBe(null);
    expect(values.said.slice(1).map((line) => cells(line).slice(0, 4))).toContainEqual([
      'Line1.Level',
      '2.5 m',
      'Float',
      'good',
    ]);
    expect(values.said.slice(1).every((line) => cells(line).includes('good'))).toBe(true);
  });

  test('ends at its bound and says so; a node that is not there, and a wrong option, are told', async () => {
    const { endpoint } = await plant();
    const cut = await runByHand(browse, at(endpoint, '--most', '3'));
    expect(cut.said).toHaveLength(3);
    expect(cut.progress.at(-1)).toMatch(/^ended at 3 nodes, there are more: --node and --depth narrow it/);
    const missing = await runByHand(browse, at(endpoint, '--node', 'nsu=urn:plant;i=99999'));
    expect(missing.thrown).toMatchObject({
      code: 'device/exception',
      message: expect.stringContaining('cannot be browsed: BadNodeId'),
    });
    const two = await runByHand(browse, at(endpoint, '--tags', '--paths'));
    expect(two.thrown).toMatchObject({ code: 'arguments/invalid', message: expect.stringContaining('state one') });
    const none = await runByHand(browse, []);
    expect(none.thrown).toMatchObject({ message: expect.stringContaining('which server is missing') });
  });
});

describe('a filter', () => {
  test.each([
    ['Speed', 'Line1/Motor1/Speed', true],
    ['Speed', 'Speed', true],
    ['S*d', 'Line1/Speed/Limit', false],
    ['Line*/Motor?/Speed', 'Line1/Motor1/Speed', true],
    ['Line*/Speed', 'Line1/Motor1/Speed', false],
    ['Line*/**/Speed', 'Line1/Speed', true],
    ['Line*/**/Speed', 'Line1/A/B/Speed', true],
    ['Line1/**', 'Line1/A/B', true],
    ['a.c/**', 'abc/d', false],
  ])('%s of %s: %s', (glob, path, expected) => {
    expect(pathFilter(glob)(path.split('/'))).toBe(expected);
  });

  test('takes a slash within a name for one of its characters', () => {
    expect(pathFilter('Odd/*')(['Odd', 'a/b'])).toBe(true);
    expect(pathFilter('Odd/a/b')(['Odd', 'a/b'])).toBe(true);
    expect(pathFilter('a*')(['Odd', 'a/b'])).toBe(true);
    expect(pathFilter('Odd/*')(['Odd', 'a', 'b'])).toBe(false);
  });
});
