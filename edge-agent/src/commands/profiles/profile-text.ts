import type { ModbusProfile } from '@fieldline/shared/config';
import type { LoadedProfile } from '@fieldline/shared/config/apply-profile';
import { type AddressBase, placeOf } from '@fieldline/shared/config/modbus-address';
import { columns } from '../columns.ts';

type Tag = ModbusProfile['tags'][number];

export function profileLines({ name, checked }: LoadedProfile): string[] {
  const { model, sources, notes, addressBase = 0, tags } = checked;
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
        registerText(tag, addressBase),
        typeText(tag),
        tag.description ?? '',
      ]),
    ]),
  ];
}

/** In the notation of the device's documents; the table may be said by the address alone. */
function registerText({ address, table, file, record }: Tag, addressBase: AddressBase): string {
  if (address === undefined) return `file ${file} record ${record}`;
  const place = placeOf(address, addressBase, table);
  return 'table' in place ? `${place.table} ${address}` : String(address);
}

const typeText = ({ type, scale }: Tag): string => (scale === undefined ? type : `${type} × ${scale}`);
