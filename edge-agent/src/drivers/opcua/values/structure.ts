/**
 * Bodies of structures, by the descriptions that the server gives of their types (OPC 10000-6 5.2.6). What does not fit its
 * description to the last byte is not decoded at all: half a structure would be a wrong number somewhere.
 */

import { BinaryStream, DataType, decoderOf, type LibraryObject } from '../library.ts';
import {
  type Content,
  type EnumNames,
  type KnownTypes,
  matrixContent,
  nothing,
  objectContent,
  scalarContent,
} from './content.ts';

export type Field = {
  readonly name: string;
  /** Its data type, as a key of the described types. */
  readonly type: string;
  /** Below 1: a single value; else the number of dimensions. */
  readonly rank: number;
  readonly isOptional: boolean;
};

export type TypeDescription =
  | { readonly kind: 'built-in'; readonly dataType: DataType; readonly names: EnumNames | null }
  /** `subtyped`: what is optional is instead a value of any type that is derived from that of the field. */
  | {
      readonly kind: 'structure';
      readonly form: 'plain' | 'optional' | 'union' | 'subtyped' | 'subtyped-union';
      readonly fields: readonly Field[];
    }
  /** One of the specification itself, that the library knows. */
  | { readonly kind: 'standard'; readonly make: () => LibraryObject }
  /** The server does not say how it is built. */
  | { readonly kind: 'undescribed' };

export type DescribedTypes = (key: string) => TypeDescription | undefined;

/** Nobody may make us loop for a length that stands in a message. */
const deepest = 32;

/** @throws Error where the body is not as its type says */
export function decodeBody(type: TypeDescription, body: Buffer, types: DescribedTypes, known: KnownTypes): Content {
  const stream = new BinaryStream(body);
  const content = new Decoder(stream, types, known).value(type, 0);
  if (stream.length !== body.length) throw new Error(`${body.length - stream.length} bytes are left over`);
  return content;
}

class Decoder {
  private readonly stream: BinaryStream;
  private readonly types: DescribedTypes;
  private readonly known: KnownTypes;

  constructor(stream: BinaryStream, types: DescribedTypes, known: KnownTypes) {
    this.stream = stream;
    this.types = types;
    this.known = known;
  }

  value(type: TypeDescription, depth: number): Content {
    if (depth > deepest) throw new Error(`structures lie in each other more than ${deepest} deep`);
    switch (type.kind) {
      case 'built-in':
        return this.builtIn(type.dataType, type.names);
      case 'structure':
        return { kind: 'structure', fields: this.fields(type, depth) };
      case 'standard': {
        const object = type.make();
        object.decode(this.stream);
        return objectContent(object, this.known);
      }
      case 'undescribed':
        throw new Error('a part of it is of a type that the server does not describe');
    }
  }

  private builtIn(dataType: DataType, names: EnumNames | null): Content {
    return scalarContent(dataType, decoderOf(dataType)(this.stream), names, this.known);
  }

  private fields(type: Extract<TypeDescription, { kind: 'structure' }>, depth: number): Map<string, Content> {
    const { form, fields } = type;
    const isUnion = form === 'union' || form === 'subtyped-union';
    const read = new Map<string, Content>();
    for (const field of isUnion ? this.chosen(fields) : form === 'optional' ? this.present(fields) : fields) {
      read.set(field.name, this.field(field, form, depth));
    }
    return read;
  }

  private chosen(fields: readonly Field[]): readonly Field[] {
    const number = this.stream.readUInt32();
    if (number > fields.length) throw new Error(`a union has no field ${number}`);
    return number === 0 ? [] : fields.slice(number - 1, number);
  }

  /** One bit for each optional field, in their order. */
  private present(fields: readonly Field[]): readonly Field[] {
    const bits = this.stream.readUInt32();
    const optional = fields.filter(({ isOptional }) => isOptional);
    return fields.filter((field) => !field.isOptional || ((bits >>> optional.indexOf(field)) & 1) === 1);
  }

  private field({ type: key, rank, isOptional }: Field, form: string, depth: number): Content {
    const type = this.types(key) ?? { kind: 'undescribed' };
    const inField = form.startsWith('subtyped') && isOptional ? anySubtypeOf(type) : type;
    const one = (): Content => this.value(inField, depth + 1);
    if (rank < 1) return one();
    if (rank === 1) return this.list(this.stream.readInteger(), one);
    return this.matrix(one);
  }

  /** The length of each dimension, then all values without a length of their own. */
  private matrix(one: () => Content): Content {
    const dimensions: number[] = [];
    for (let left = this.stream.readInteger(); left > 0; left--) dimensions.push(this.stream.readInteger());
    if (dimensions.length === 0) return nothing;
    const values = this.values(
      dimensions.reduce((product, each) => product * Math.max(0, each), 1),
      one,
    );
    return matrixContent(dimensions, (index) => values[index] ?? nothing);
  }

  private list(length: number, one: () => Content): Content {
    if (length < 0) return nothing;
    const values = this.values(length, one);
    return { kind: 'array', length, at: (index) => values[index] ?? nothing };
  }

  private values(length: number, one: () => Content): Content[] {
    this.stream.checkArrayLength(length);
    return Array.from({ length }, one);
  }
}

const anySubtypeOf = ({ kind }: TypeDescription): TypeDescription => ({
  kind: 'built-in',
  dataType: kind === 'built-in' ? DataType.Variant : DataType.ExtensionObject,
  names: null,
});
