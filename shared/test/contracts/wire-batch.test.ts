import { batchVersion, decodeBatch } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const wire = {
  ...{
    v: batchVersion,
    gateway: 'g1',
    stream: '6f1c3b1e-8a0f-4a63-9a55-0c8f2f1f7d11',
    seq: 7,
    read: 100,
    filtered: 20,
  },
  tags: [['d1', 'a', 'float64', 'b', 'int64']],
  ...{ t0: 1_000, t: [0, 5], x: [1.5, '9007199254740993'], q: [[1, 101]] },
};

/** What a field may be turned into: anything, and what is nearly right. */
const near = [
  ...[0, 1, -1, 1.5, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, null, true, '', 'g1', 'debug', 'alarm', 'process'],
  ...[[], [[0, 0]], [[0, 300]], [[-1, 0]], [[0, 0, 0]], [['0', 0]], [0, 1], { stream: wire.stream, lastSeq: 1 }],
  ...[
    wire.stream.toUpperCase(),
    `${wire.stream} `,
    '00000000-0000-0000-0000-000000000000',
    wire.stream.replace('-4a', '-9a'),
  ],
];
const fields = [...Object.keys(wire), 'i', 'class', 'previous', 'thinned', 'declared', 'other'];
type Changes = Readonly<Record<string, unknown>>;

/** Whether it is a batch, when it is the same either way. */
function isTakenAlike(changes: Changes): boolean {
  const json = { ...wire, ...changes };
  const decoded = decodeBatch(Buffer.from(JSON.stringify(json)), 'g1');
  // With this it is left to the schema, and means the same.
  const bySchema = decodeBatch(Buffer.from(JSON.stringify({ ...json, volatile: false })), 'g1');
  expect(decoded).toEqual(bySchema);
  return decoded.ok;
}

describe('a look by hand takes nothing that the schema does not take, and makes the same of it', () => {
  it('of each field that is nearly right', () => {
    const taken = fields.flatMap((field) => near.map((value) => isTakenAlike({ [field]: value })));
    expect(new Set(taken)).toEqual(new Set([true, false]));
  });

  it('of fields that are anything', () => {
    const changes = fc.dictionary(fc.constantFrom(...fields), fc.oneof(fc.constantFrom(...near), fc.jsonValue()), {
      maxKeys: 3,
    });
    fc.assert(
      fc.property(changes, (some) => {
        isTakenAlike(some);
      }),
      { numRuns: 1_000 },
    );
  });
});
