/** Names of nodes as ids of tags: what a topic, a metric label and a URL bear without escaping. */

const mostCharacters = 64;

/** Of a name that has nothing that an id may have: an empty text. */
export const idFrom = (name: string): string =>
  name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9._:-]+/g, '_')
    .replace(/^[^A-Za-z0-9]+/, '');

/** Gives each an id of its own; of long names the end is kept, which tells them apart. */
export function createIds(): (name: string) => string {
  const given = new Set<string>();
  return (name) => {
    const whole = idFrom(name) || 'tag';
    for (let number = 1; ; number += 1) {
      const ending = number === 1 ? '' : `-${number}`;
      const id = idFrom(whole.slice(-(mostCharacters - ending.length))) + ending;
      if (given.has(id)) continue;
      given.add(id);
      return id;
    }
  };
}
