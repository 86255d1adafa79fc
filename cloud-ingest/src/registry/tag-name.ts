import { isId } from '@fieldline/shared/contracts';

/** The three names of a tag; no name has a slash in it. */
export type TagName = { readonly gateway: string; readonly device: string; readonly tag: string };

export const textOf = ({ gateway, device, tag }: TagName): string => `${gateway}/${device}/${tag}`;

/** null for what names no tag. */
export function tagNameOf(text: string): TagName | null {
  const [gateway = '', device = '', tag = '', ...more] = text.split('/');
  return more.length === 0 && [gateway, device, tag].every(isId) ? { gateway, device, tag } : null;
}
