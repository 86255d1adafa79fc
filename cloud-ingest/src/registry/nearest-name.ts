import { nearest } from '@fieldline/shared/config';
import type { Session } from '../store/connection.ts';
import type { TagName } from './tag-name.ts';

/** Beyond it the names are no help but a load. */
const maxNames = 10_000;

/** The tag that a name of none most likely meant: part by part, gateway first. null where none is near. */
export async function nearestName(session: Session, wanted: TagName): Promise<TagName | null> {
  let meant: TagName | null = wanted;
  for (const part of ['gateway', 'device', 'tag'] as const) meant &&= await withNearest(session, meant, part);
  return meant;
}

async function withNearest(session: Session, name: TagName, part: keyof TagName): Promise<TagName | null> {
  const { gateway, device } = name;
  const within = { gateway: 'true', device: 'gateway = $1', tag: 'gateway = $1 AND device = $2' }[part];
  const rows = await session.query<{ name: string }>(
    `SELECT DISTINCT ${part} AS name FROM series WHERE ${within} LIMIT ${maxNames}`,
    [gateway, device].slice(0, { gateway: 0, device: 1, tag: 2 }[part]),
  );
  const names = rows.map((row) => row.name);
  const found = names.includes(name[part]) ? name[part] : nearest(name[part], names);
  return found === null ? null : { ...name, [part]: found };
}
