import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { opcuaDeviceSchema } from '../../src/config/opcua.ts';
import { hasWildcard, parsePath, writePath } from '../../src/config/opcua-path.ts';
import { issuesOf } from '../../src/config/settings-text.ts';

const problemsOf = (tag: object, device: object = {}): string[] => {
  const { issues } = issuesOf(opcuaDeviceSchema, {
    device: 'd',
    protocol: 'opcua',
    endpoint: 'opc.tcp://plc:4840',
    tags: [{ tag: 'a', ...tag }],
    ...device,
  });
  return (issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`);
};

describe('a browse path', () => {
  test('has names with a namespace by URI, by index, or that of the device', () => {
    expect(parsePath('nsu=http://acme.example/UA/;Line 1/0:Server/Motor*')).toEqual([
      { namespace: { uri: 'http://acme.example/UA/' }, texts: ['Line 1'] },
      { namespace: { index: 0 }, texts: ['Server'] },
      { namespace: null, texts: ['Motor', ''] },
    ]);
  });

  test('has names with every character where & stands before what has a meaning', () => {
    expect(parsePath('a&/b/&*&&/1&:x/&nsu=y')?.map(({ texts }) => texts.join(' or '))).toEqual([
      'a/b',
      '*&',
      '1:x',
      'nsu=y',
    ]);
    expect(hasWildcard(parsePath('a/&*') ?? [])).toBe(false);
  });

  test.each(['', '/', '/a', 'a/', 'a//b', 'a&', 'nsu=urn:x;', '2:'])('is not %j', (text) => {
    expect(parsePath(text)).toBe(null);
  });

  test('is read again as it was written', () => {
    const namespace = fc.oneof(
      fc.constant(null),
      fc.record({ index: fc.integer({ min: 0, max: 65_535 }) }),
      fc.record({ uri: fc.stringMatching(/^[a-z:/.&*]{1,9}$/) }),
    );
    const text = fc.string({ unit: fc.constantFrom(...'ab1:/&*;=.ü𝄞', 'nsu='), maxLength: 6 });
    const name = fc
      .record({ namespace, texts: fc.array(text, { minLength: 1, maxLength: 3 }) })
      .filter(({ texts }) => texts.join('*') !== '');
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
        expect(parsePath(writePath(names))).toEqual(names);
      }),
    );
  });
});

describe('a pattern', () => {
  const problems = (pattern: object, device: object = { namespace: 'urn:a' }): string[] => {
    const { issues } = issuesOf(opcuaDeviceSchema, {
      device: 'd',
      protocol: 'opcua',
      endpoint: 'opc.tcp://plc:4840',
      patterns: [pattern],
      ...device,
    });
    return (issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`);
  };

  test('has wildcards, or a type, and an id that says which node it is', () => {
    expect(problems({ tag: '{1}-{2}', path: 'Line*/Motor*' })).toEqual([]);
    expect(problems({ tag: '{path}.speed', instancesOf: 'nsu=urn:a;i=1002', path: 'Speed' })).toEqual([]);
    expect(problems({ tag: '{name}', instancesOf: 'i=2368' }, {})).toEqual([]);
    expect(problems({ tag: '{1}' })).toEqual(['patterns.0.path is missing: state path, instancesOf, or both']);
    expect(problems({ tag: '{1}', path: 'Line1' })[0]).toContain(
      'it has no *, and so names one node; put it under tags',
    );
    expect(problems({ tag: '{1}', path: 'Line*' }, {})[0]).toContain('it has names without a namespace');
    expect(problems({ tag: 'speed', path: 'Line*' })[0]).toContain('all of its tags would have this id; there are {1}');
    expect(problems({ tag: '{2}', path: 'Line*' })[0]).toContain('it has {2}; there are {1}');
    expect(problems({ tag: '{name}', path: 'Line*' })[0]).toContain('it has {name}; there are {1}');
    expect(problems({ tag: '{1} speed', path: 'Line*' })[0]).toContain('beside {…} it may have');
    expect(problems({ tag: '{1}', path: 'Line*', part: 'status', type: 'float64' })[0]).toContain('patterns.0.type');
    expect(problems({ tag: '{1}', path: 'Line*', deadbandPercent: 1 })).toEqual([]);
    expect(problems({ tag: '{1}', path: 'Line*', deadband: 1, deadbandPercent: 1 })[0]).toContain('exclude each other');
  });

  test('is enough for a device; one without tags and patterns has nothing to read', () => {
    expect(problemsOf({}, { tags: undefined })).toEqual([
      'tags is missing: it has nothing to read; state tags, patterns, or both',
    ]);
  });
});

describe('the node of a tag', () => {
  test('is stated once, by id or by path', () => {
    expect(problemsOf({})).toEqual(['tags.0.node is missing: state node or path']);
    expect(problemsOf({ node: 'i=1', path: 'nsu=urn:a;A' })).toEqual([
      'tags.0.node is "i=1": node and path are two ways to say it; state one',
    ]);
    expect(problemsOf({ path: 'nsu=urn:a;A' })).toEqual([]);
    expect(problemsOf({ path: 'A/B' }, { namespace: 'urn:a' })).toEqual([]);
  });

  test('by a path is one node below Objects, in namespaces that are stated', () => {
    expect(problemsOf({ path: 'A' })[0]).toMatch(
      /^tags\.0\.path is "A": it has names without a namespace; state namespace/,
    );
    expect(problemsOf({ path: 'nsu=urn:a;A*' })[0]).toMatch(
      /^tags\.0\.path is "nsu=urn:a;A\*": a \* .* put it under patterns/,
    );
    expect(problemsOf({ path: 'Objects/A' }, { namespace: 'urn:a' })[0]).toMatch(/leave Objects\/ out/);
    expect(problemsOf({ path: '/A' })[0]).toMatch(/must be browse names below the Objects folder/);
  });
});
