/** Where a node was found, as a path of the settings. */
import { type PathName, writePath } from '@fieldline/shared/config/opcua-path';
import { type Place, wayTo } from './walk.ts';

/** `own`: the namespace that the device states, which need not stand before its names. */
export const pathTo = (place: Place, namespaces: readonly string[], own: string | undefined): string =>
  writePath(wayTo(place).map((each) => nameOf(each, namespaces, own)));

function nameOf({ namespaceIndex, name }: Place, namespaces: readonly string[], own: string | undefined): PathName {
  const uri = namespaces[namespaceIndex];
  if (namespaceIndex === 0 || uri === undefined) return { namespace: { index: namespaceIndex }, texts: [name] };
  return { namespace: uri === own ? null : { uri }, texts: [name] };
}
