/**
 * `00000003.<boot>.<id>.undated` is the third file of its kind in the folder. The id is random: what the note of the journal says of
 * one file is never taken for another of the same boot.
 */
export type UndatedName = { readonly number: number; readonly boot: string; readonly id: string };

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const pattern = new RegExp(`^(\\d{8,})\\.(${uuid})\\.(${uuid})\\.undated$`);

export const undatedFile = ({ number, boot, id }: UndatedName): string =>
  `${String(number).padStart(8, '0')}.${boot}.${id}.undated`;

/** Oldest first. */
export const undatedNames = (files: readonly string[]): readonly UndatedName[] =>
  files
    .flatMap((file): UndatedName[] => {
      const [, number, boot = '', id = ''] = pattern.exec(file) ?? [];
      return number === undefined ? [] : [{ number: Number(number), boot, id }];
    })
    .sort((left, right) => left.number - right.number);
