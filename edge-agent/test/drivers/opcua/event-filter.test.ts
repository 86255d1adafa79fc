import { ContentFilterElementResult, ContentFilterResult, EventFilterResult, StatusCodes } from 'node-opcua';
import { expect, test } from 'vitest';
import {
  eventFilter,
  ownFieldCount,
  planEvents,
  refusedParts,
} from '../../../src/drivers/opcua/events/event-filter.ts';

const fields = ['Message', 'ConditionName', 'ActiveState/Id'];
const plan = planEvents({ type: 'i=2041', fields, minSeverity: 500, queueSize: 10 });
const base = 'ns=0;i=2041';

/** Which type declares each of the fields, and under which name; how many operations choose the events. */
function askedOf(refusal?: Parameters<typeof eventFilter>[2]) {
  const built = eventFilter(plan, ['http://opcfoundation.org/UA/'], refusal);
  if ('reason' in built) throw new Error(built.reason);
  const { selectClauses, whereClause } = built.filter;
  const asked = (selectClauses ?? []).map(({ typeDefinitionId, browsePath }) => [
    typeDefinitionId.toString(),
    (browsePath ?? []).map(({ name }) => name).join('/'),
  ]);
  return { asked, operations: whereClause.elements?.length ?? 0 };
}

const resultOf = (refusedField: number, isTypeKnown: boolean) =>
  new EventFilterResult({
    selectClauseResults: Array.from({ length: ownFieldCount + fields.length }, (_, position) =>
      position === refusedField ? StatusCodes.BadTypeDefinitionInvalid : StatusCodes.Good,
    ),
    whereClauseResult: new ContentFilterResult({
      elementResults: [
        new ContentFilterElementResult({
          statusCode: isTypeKnown ? StatusCodes.Good : StatusCodes.BadFilterOperandInvalid,
        }),
      ],
    }),
  });

test('a field that the server refuses is asked for of any event, at the same place; the others stay as they are', () => {
  const before = askedOf();
  const name = ownFieldCount + 1;
  const after = askedOf(refusedParts(resultOf(name, true)));
  expect(before.asked[name]).toEqual(['ns=0;i=2782', 'ConditionName']);
  expect(after.asked[name]).toEqual([base, 'ConditionName']);
  expect(after.asked.toSpliced(name, 1)).toEqual(before.asked.toSpliced(name, 1));
  expect(after.operations).toBe(before.operations);
});

test('of types that the server does not know, none is in the filter any more: severity alone chooses', () => {
  expect(askedOf().operations).toBeGreaterThan(1);
  expect(askedOf(refusedParts(resultOf(0, false))).operations).toBe(1);
});

test('where the server says nothing of the parts, all of them are asked for of any event', () => {
  const { asked, operations } = askedOf(refusedParts(null));
  expect(new Set(asked.map(([type]) => type))).toEqual(new Set([base]));
  expect(asked.every(([, name]) => name !== '')).toBe(true);
  expect(operations).toBe(1);
});
