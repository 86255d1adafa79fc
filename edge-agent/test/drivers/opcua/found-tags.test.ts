import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import {
  type FoundTag,
  type KnownTag,
  mergeFound,
  patternKey,
  readKnownTags,
  withKnownTags,
  writeKnownTags,
} from '../../../src/drivers/opcua/nodes/found-tags.ts';
import { edgeConfig } from '../../helpers/agent.ts';

const speeds = { tag: '{1}-speed', path: 'Line1/*/Speed', deadband: 0.5 };
const settings = (rest: object = {}) => ({
  device: 'plant',
  protocol: 'opcua',
  endpoint: 'opc.tcp://plc:4840',
  namespace: 'urn:plant',
  tags: [{ tag: 'own', path: 'Line1/Level' }],
  patterns: [speeds],
  ...rest,
});
const deviceWith = (rest: object = {}) => opcuaDeviceSchema.parse(settings(rest));
const found = (name: string, rest: Partial<FoundTag> = {}): FoundTag => ({
  pattern: patternKey(speeds),
  tag: `${name}-speed`,
  path: `Line1/${name}/Speed`,
  type: 'float64',
  ...rest,
});
const whole = (...tags: FoundTag[]) => ({ tags, isWhole: true });
const names = (known: readonly KnownTag[]): string[] => known.map(({ tag }) => tag);
const day = 24 * 3_600_000_000;

describe('what is known of patterns', () => {
  test('grows by what is found, and keeps what is missing until its time is up', () => {
    const device = deviceWith({ forgetAfterMs: 2 * 24 * 3_600_000 });
    const first = mergeFound(device, [], whole(found('M1'), found('M2')), 0);
    expect(names(first.known)).toEqual(['M1-speed', 'M2-speed']);
    const second = mergeFound(device, first.known, whole(found('M2'), found('M3')), day);
    expect(second.known.map(({ tag, missingSince }) => [tag, missingSince])).toEqual([
      ['M1-speed', day],
      ['M2-speed', null],
      ['M3-speed', null],
    ]);
    expect(names(mergeFound(device, second.known, whole(), 3 * day - 1).known)).toContain('M1-speed');
    expect(names(mergeFound(device, second.known, whole(found('M2'), found('M3')), 3 * day).known)).toEqual([
      'M2-speed',
      'M3-speed',
    ]);
    expect(mergeFound(device, second.known, whole(found('M1')), 2 * day).known[0]?.missingSince).toBe(null);
  });

  test('loses nothing to a server that could not be seen whole', () => {
    const before = mergeFound(deviceWith(), [], whole(found('M1')), 0).known;
    const partly = mergeFound(deviceWith({ forgetAfterMs: 1 }), before, { tags: [], isWhole: false }, day);
    expect(partly.known).toEqual(before);
  });

  test('has at most as many tags as the settings allow, those that were known before the others, and says so', () => {
    const device = deviceWith({ maxPatternTags: 2 });
    const before = mergeFound(device, [], whole(found('M2')), 0).known;
    const { known, problems } = mergeFound(device, before, whole(found('M1'), found('M2'), found('M3')), 1);
    expect(names(known)).toEqual(['M2-speed', 'M1-speed']);
    expect(problems).toEqual([
      'the patterns of plant give 1 tags more than maxPatternTags 2 allows, which are not read: make the patterns narrower, or raise it',
    ]);
  });

  test('has each id once, of the tag of the settings or of the node that had it first', () => {
    const device = deviceWith({ tags: [{ tag: 'M1-speed', node: 'i=1' }] });
    const { known, problems } = mergeFound(
      device,
      [],
      whole(found('M1'), found('M2'), found('Other', { tag: 'M2-speed' }), found('x', { tag: '' })),
      0,
    );
    expect(known.map(({ path }) => path)).toEqual(['Line1/M2/Speed']);
    expect(problems).toEqual([
      'Line1/M1/Speed would be M1-speed, as another node is already: tell them apart in tag of the pattern (by every {1}, {2}, … that path has; by {path} where there is instancesOf), or make path narrower',
      'Line1/Other/Speed would be M2-speed, as another node is already: tell them apart in tag of the pattern (by every {1}, {2}, … that path has; by {path} where there is instancesOf), or make path narrower',
      'Line1/x/Speed would be "", which is no id: an id has 1–64 characters; change tag of the pattern',
    ]);
  });

  test('becomes tags of the settings: what the pattern states, and else what the server says', () => {
    const config = edgeConfig('mqtt://127.0.0.1', { devices: [settings()] });
    const { known } = mergeFound(
      deviceWith(),
      [],
      whole(
        found('M1', { unit: 'rpm', minimum: 0, maximum: 9, type: 'int32' }),
        found('M2', { pattern: 'of another setting' }),
      ),
      0,
    );
    const [device] = withKnownTags(config, { plant: known }).devices;
    expect(device?.tags.map(({ tag }) => tag)).toEqual(['own', 'M1-speed']);
    expect(device?.tags[1]).toMatchObject({
      path: 'Line1/M1/Speed',
      type: 'int32',
      deadband: 0.5,
      unit: 'rpm',
      minimum: 0,
      maximum: 9,
    });
    expect(withKnownTags(config, {}).devices[0]?.tags).toHaveLength(1);
  });

  test('is read as it was written; a file that is none is told', async () => {
    const file = join(temporaryFolder(), 'found', 'gateway.json');
    expect(readKnownTags(file)).toEqual({});
    const { known } = mergeFound(deviceWith(), [], whole(found('M1', { description: 'Motor 1' })), 7);
    await writeKnownTags(file, { plant: known });
    expect(readKnownTags(file)).toEqual({ plant: known });
    expect(JSON.stringify(readKnownTags(file).plant)).toBe(JSON.stringify(known));
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
    expect(() => readKnownTags(file)).toThrow();
  });
});
