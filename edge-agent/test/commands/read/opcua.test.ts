import { describeWith } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import * as read from '../../../src/commands/read/command.ts';
import { asyncua } from '../../drivers/opcua/peers/asyncua.ts';
import { startPlant } from '../../drivers/opcua/peers/asyncua-plant.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

const nodes = [
  { path: 'Line1' },
  { path: 'Line1/Speed', kind: 'Double', value: 12.5 },
  { path: 'Line1/Total', kind: 'UInt64', value: 7 },
  { path: 'Line1/Curve', kind: 'Int16', value: [1, 2, 3] },
];
const settings = (endpoint: string): string =>
  settingsFile(`
  - device: plant
    protocol: opcua
    endpoint: ${endpoint}
    security: { policy: None, mode: None }
    namespace: urn:plant
    tags:
      - { tag: speed, path: Line1/Speed, unit: m/s }
      - { tag: total, path: Line1/Total, type: uint64 }
      - { tag: curve, path: Line1/Curve }
      - { tag: gone, path: Line2/Speed }
`);
/** Cells of a line. */
const cells = (line: string | undefined): string[] => line?.split(/ {2,}/) ?? [];
const time = expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

describeWith(asyncua, 'read of an OPC UA server', () => {
  test('shows value, type, quality, status and times of the tags of the settings, also of one that it does not have', async () => {
    const { endpoint } = await startPlant({ nodes });
    const { said, thrown } = await runByHand(read, ['--config', settings(endpoint), '--device', 'plant']);
    expect(thrown).toBe(null);
    expect(said.map(cells)).toEqual([
      ['tag', 'value', 'type', 'quality', 'status', 'source time', 'server time'],
      ['speed', '12.5 m/s', 'Double', 'good', 'Good', time, expect.anything()],
      ['total', '7', 'UInt64', 'good', 'Good', time, expect.anything()],
      ['curve', '[1,2,3]', 'Int16[3]', 'bad/type', 'Good', time, expect.anything()],
      ['gone', '–', 'bad/address', 'Line2/Speed: no node has this path (BadNoMatch)', '–', '–'],
    ]);
  });

  test('reads nodes that no settings name, by the type that the server says', async () => {
    const { endpoint } = await startPlant({ nodes });
    const args = ['--endpoint', endpoint, '--security', 'None', '--node', 'i=2256', '--node', 'i=2254'];
    const { said, thrown } = await runByHand(read, args);
    expect(thrown).toBe(null);
    expect(said.map((line) => cells(line)[0])).toEqual(['tag', 'i=2256', 'i=2254']);
    expect(cells(said[1])[2]).toBe('ExtensionObject');
    expect(cells(said[2])[2]).toMatch(/^String\[\d+\]$/);
  });

  test('fails where the server gives no value, and says which option is wrong', async () => {
    const { endpoint } = await startPlant({ nodes });
    const { said, thrown } = await runByHand(read, [
      '--endpoint',
      endpoint,
      '--security',
      'None',
      '--node',
      'ns=2;s=none',
    ]);
    expect(cells(said[1])).toEqual(['ns=2;s=none', '–', 'Null', 'bad/address', 'BadNodeIdUnknown', '–', '–']);
    expect(thrown).toMatchObject({ code: 'device/exception', message: expect.stringContaining('BadNodeIdUnknown') });
    expect((await runByHand(read, ['--endpoint', endpoint])).thrown).toMatchObject({
      code: 'arguments/invalid',
      message: expect.stringContaining('--node is missing'),
    });
    expect((await runByHand(read, ['--endpoint', endpoint, '--node', 'Speed'])).thrown).toMatchObject({
      message: expect.stringContaining('--node Speed must be a node id such as'),
    });
    expect((await runByHand(read, ['--endpoint', 'plc:4840', '--node', 'i=1'])).thrown).toMatchObject({
      message: expect.stringContaining('must be an address such as opc.tcp://host:4840/path'),
    });
  });
});
