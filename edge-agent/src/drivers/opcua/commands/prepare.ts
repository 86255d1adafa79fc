/** What goes into a write: a single value, one element of an array, or all of its values. */
import type { ListRules, OpcuaWriteRules } from '@fieldline/shared/config/opcua-write';
import { listFrom, type Value } from '@fieldline/shared/contracts';
import type { Item } from '../items/item.ts';
import { type DataType, NumericRange, Variant, VariantArrayType } from '../library.ts';
import type { NodeFacts } from '../nodes/node-facts.ts';
import { readVariant, type Understanding } from '../values/value.ts';
import { exactVariant, type Prepared, type Refused, refused } from './exact-variant.ts';
import type { StatedValue } from './limits.ts';

/** `indexRange`: of the part of the node that is written; absent: all of it. */
export type ToWrite = Prepared & { readonly indexRange?: NumericRange };

/** null: the server gives no such part. */
export type ReadRange = (range: NumericRange) => Promise<Variant | null>;

type What = { readonly item: Item; readonly rules: OpcuaWriteRules };

/** `type`: of one value of the node. */
export async function prepareWrite(
  type: DataType | null,
  value: Value,
  facts: NodeFacts,
  { item, rules }: What,
  readRange: ReadRange,
): Promise<ToWrite | Refused> {
  const { tag, understanding } = item;
  const { each, length, oneOf } = rules;
  const given = { type: tag.type, oneOf };
  if (each !== undefined) return wholeList(type, value, facts, understanding, { each, length });
  const [position] = understanding.element ?? [];
  if (typeof position === 'number')
    return oneElement(type, value, facts, { given, understanding, position, readRange });
  if (isArray(facts))
    return refused(
      'not-representable',
      'the node is an array: state each under write, or element for one of its values',
    );
  return exactVariant(type, value, given, facts.value.value ?? null, understanding);
}

type Place = {
  readonly given: StatedValue;
  readonly understanding: Understanding;
  readonly position: number;
  readonly readRange: ReadRange;
};

/**
 * With an index range the value is an array of what is in the range (OPC 10000-4 5.11.4). A server that looks at none would take it for the
 * whole array: it is known by its answer when the range is read.
 */
async function oneElement(
  type: DataType | null,
  value: Value,
  facts: NodeFacts,
  { given, understanding, position, readRange }: Place,
): Promise<ToWrite | Refused> {
  const length = heldLength(facts) ?? 0;
  if (position >= length)
    return refused('not-representable', `the node holds ${length} values in a row: [${position}] is none`);
  const exact = exactVariant(type, value, given, null, { ...understanding, element: null });
  if ('problem' in exact) return exact;
  const indexRange = new NumericRange(position);
  const inRange = length === 1 ? 1 : lengthOf(await readRange(indexRange));
  if (inRange !== 1)
    return refused('not-writable', 'the server knows no single elements: write the whole array (each)');
  return { variant: listOf([exact.variant]), written: exact.written, indexRange };
}

function wholeList(
  type: DataType | null,
  value: Value,
  facts: NodeFacts,
  understanding: Understanding,
  { each, length: stated }: ListRules,
): ToWrite | Refused {
  const values = listFrom(each.type, String(value));
  if (values === null || values.length === 0) return refused('not-representable', `${value} is no list with values`);
  if ((facts.valueRank ?? 1) !== 1 && heldLength(facts) === null)
    return refused('not-representable', 'the node is no array with one dimension: leave each out');
  const length = stated ?? heldLength(facts);
  if (length === null) return refused('not-representable', 'the node holds no array now: state length under write');
  if (values.length !== length)
    return refused(
      'not-representable',
      `${values.length} values, and the node has ${length}: state length under write where that may change`,
    );
  const variants: Variant[] = [];
  for (const [position, one] of values.entries()) {
    const exact = exactVariant(type, one, each, null, understanding);
    if ('problem' in exact) return refused(exact.problem.reason, `[${position}]: ${exact.problem.message}`);
    variants.push(exact.variant);
  }
  const variant = listOf(variants);
  const read = readVariant(variant, 'string', understanding);
  return 'value' in read ? { variant, written: read.value } : refused('not-representable', 'it cannot be read back');
}

function listOf(variants: readonly Variant[]): Variant {
  const [{ dataType } = new Variant()] = variants;
  return new Variant({
    dataType,
    arrayType: VariantArrayType.Array,
    value: variants.map((each): unknown => each.value),
  });
}

const isArray = ({ value, valueRank }: NodeFacts): boolean =>
  (valueRank ?? -1) >= 0 || (value.value?.arrayType ?? VariantArrayType.Scalar) !== VariantArrayType.Scalar;

/** null: it holds no array of one dimension now. */
const heldLength = ({ value }: NodeFacts): number | null => lengthOf(value.value ?? null);

function lengthOf(held: Variant | null): number | null {
  if (held?.arrayType !== VariantArrayType.Array) return null;
  const length: unknown = held.value?.length;
  return typeof length === 'number' ? length : null;
}
