/** What a technician finds out about the simulator's server, and what patterns make of it. */
import { opcuaDeviceSchema, plantSchema } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { startPlant } from '@fieldline/simulators';
import { expect, onTestFinished, test } from 'vitest';
import * as browse from '../../../edge-agent/src/commands/browse/command.ts';
import { expandPatterns } from '../../../edge-agent/src/drivers/opcua/nodes/expand.ts';
import { withSession } from '../../../edge-agent/src/drivers/opcua/session/by-hand.ts';
import { runByHand } from '../../../edge-agent/test/commands/run-by-hand.ts';

async function startServer(): Promise<string> {
  const node = (name: string, type: string, value: unknown) => ({ name, type, signal: { kind: 'constant', value } });
  const nodes = [node('motor1-speed', 'float32', 7), node('motor2-speed', 'float32', 8), node('level', 'int32', 3)];
  const servers = [{ protocol: 'opcua', name: 'plc', port: 0, namespace: 'urn:hall', nodes }];
  const plant = await startPlant(plantSchema.parse({ plant: 'simulated', servers }));
  onTestFinished(() => plant.close());
  return `opc.tcp://127.0.0.1:${plant.servers[0]?.port}/fieldline`;
}

test('the nodes of the simulator are written as tags with their paths', async () => {
  const { said, thrown } = await runByHand(browse, [
    await startServer(),
    '--security',
    'None',
    '--paths',
    '--filter',
    'plc/**',
  ]);
  expect(thrown).toBe(null);
  expect(said).toEqual([
    'namespace: "urn:hall"',
    'tags:',
    '  - { tag: plc.motor1-speed, path: plc/motor1-speed, type: float32 }',
    '  - { tag: plc.motor2-speed, path: plc/motor2-speed, type: float32 }',
    '  - { tag: plc.level, path: plc/level, type: int32 }',
  ]);
});

test('a pattern makes tags of those that fit', async () => {
  const device = opcuaDeviceSchema.parse({
    device: 'plc',
    protocol: 'opcua',
    endpoint: await startServer(),
    security: { policy: 'None', mode: 'None' },
    namespace: 'urn:hall',
    patterns: [{ tag: 'speed-of-{1}', path: 'plc/*-speed' }],
  });
  const { signal } = new AbortController();
  const found = await withSession(device, temporaryFolder(), signal, ({ session, facts }) =>
    expandPatterns(session, facts, device, signal),
  );
  expect(found.tags.map(({ tag, path, type }) => `${tag} ${path} ${type}`)).toEqual([
    'speed-of-motor1 plc/motor1-speed float32',
    'speed-of-motor2 plc/motor2-speed float32',
  ]);
  expect(found).toMatchObject({ isWhole: true, problems: [] });
});
