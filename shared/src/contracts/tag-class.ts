/**
 * What a tag is for, the first to go first: when the journal of a gateway must drop something, it drops the oldest of the lowest
 * class that it holds. Each class in use is a stream of its own.
 */
export const tagClasses = ['debug', 'process', 'energy', 'alarm'] as const;
export type TagClass = (typeof tagClasses)[number];

/** Of a tag that states none, and of a batch that states none. */
export const defaultClass = 'process' satisfies TagClass;

/** The lowest goes first. */
export const classRank = (tagClass: TagClass): number => tagClasses.indexOf(tagClass);
