import type { ModbusProfile } from '@fieldline/shared/config';
import type { LoadedProfile } from '@fieldline/shared/config/apply-profile';
import { columns } from './columns.ts';

export function profileLines({ name, checked }: LoadedProfile): string[] {
  const { model, sources, notes, tags } = checked;
  return [
    `${name}: ${model}`,
    ...(notes === undefined ? [] : ['', ...notes.trimEnd().split('\n')]),
    '',
    'The numbers are from',
    ...sources.map(({ title, at, edition }) => `  ${title}, ${at}${edition === undefined ? '' : `, ${edition}`}`),
    '',
    ...columns([
      ['TAG', 'GROUP', 'UNIT', 'REGISTER', 'TYPE', 'DESCRIPTION'],
      ...tags.map((tag) => [
        tag.tag,
        tag.group ?? '',
        tag.unit ?? '',
        `${tag.table} ${tag.address}`,
        typeText(tag),
        tag.description ?? '',
      ]),
    ]),
  ];
}

const typeText = ({ type, scale }: ModbusProfile['tags'][number]): string =>
  scale === undefined ? type : `${type} × ${scale}`;
