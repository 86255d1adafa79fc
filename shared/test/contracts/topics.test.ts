import {
  bridgeFilters,
  isId,
  messageKinds,
  parseTopic,
  probeReplyTopic,
  probeTopic,
  topicOf,
} from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const ids = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/);

describe('topics', () => {
  it('are parsed as they are built', () => {
    fc.assert(
      fc.property(ids, fc.constantFrom(...messageKinds), (gateway, kind) => {
        expect(parseTopic(topicOf(gateway, kind))).toEqual({ gateway, kind });
      }),
    );
  });

  it('keep the limits of the strictest brokers: 7 slashes and 256 bytes', () => {
    const longest = topicOf('g'.repeat(64), 'batch');
    expect(Buffer.byteLength(longest)).toBeLessThanOrEqual(256);
    expect(longest.split('/').length - 1).toBeLessThanOrEqual(7);
  });

  it.each([
    'fieldline/g',
    'fieldline/g/batch/x',
    'other/g/batch',
    'fieldline/g/nothing',
    'fieldline//batch',
    'fieldline/+/batch',
  ])('do not include %s', (topic) => {
    expect(parseTopic(topic)).toBeNull();
  });

  it('cannot be built for an id that would change their shape', () => {
    for (const id of ['a/b', '+', '#', '', 'x'.repeat(65)]) expect(() => topicOf(id, 'batch')).toThrow(RangeError);
  });

  it('of acknowledgements are not among those the bridge carries', () => {
    expect(bridgeFilters()).toEqual(['fieldline/+/batch', 'fieldline/+/state', 'fieldline/+/birth']);
  });

  it('of probes match a filter of the bridge, and can be those of no gateway', () => {
    const [, name, kind] = probeTopic.split('/');
    expect(bridgeFilters()).toContain(`fieldline/+/${kind}`);
    expect(isId(name ?? '')).toBe(false);
    expect(parseTopic(probeTopic)).toBeNull();
    expect(probeReplyTopic('b1').split('/')).toHaveLength(4);
  });
});
