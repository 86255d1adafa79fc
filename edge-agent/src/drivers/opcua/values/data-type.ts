/** Which of the built-in types (OPC 10000-6 5.1.2) a node or an input takes. */

import { DataType, type NodeId, type Session, type Variant } from '../library.ts';
import { baseOf } from './data-type-tree.ts';

/** `held`: what stands there now, which is of one of the types that an abstract one allows. null: the server does not say. */
export async function builtInTypeOf(
  session: Session,
  dataType: NodeId | null,
  held: Variant | null,
): Promise<DataType | null> {
  const base = dataType === null ? 'undescribed' : await baseOf(session, dataType).catch(() => 'undescribed' as const);
  if (base === 'enumeration') return DataType.Int32;
  if (base !== 'undescribed' && base !== DataType.Variant) return base;
  return held === null || held.dataType === DataType.Null ? null : held.dataType;
}
