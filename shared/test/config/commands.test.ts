import { edgeSchema, modbusProfileSchema, parseConfig } from '@fieldline/shared/config';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

const limits = { min: 0, max: 10 };
const settings = (tag: object, others: object = {}, device = 'plc'): unknown => ({
  gateway: 'g1',
  uplink: { broker: 'mqtt://127.0.0.1:1883' },
  ...others,
  devices: [
    { device, protocol: 'modbus', link: { kind: 'tcp', host: 'plc' }, tags: [{ tag: 't', address: 0, ...tag }] },
  ],
});
const read = (tag: object, others: object = {}, device = 'plc') =>
  parseConfig(edgeSchema, stringify(settings(tag, others, device)), 'edge.yaml');

test('nothing can be written unless the settings say so, of the gateway and of the tag', () => {
  const edge = read({});
  expect(edge.commands.enabled).toBe(false);
  expect(edge.devices[0]?.tags[0]).not.toHaveProperty('write');
});

describe('what a tag says of its writing is refused where its registers cannot do it', () => {
  test.each([
    [{ table: 'input', write: limits }, 'nothing can be written to input'],
    [{ type: 'bool', table: 'discrete', write: {} }, 'nothing can be written to discrete'],
    [{ type: 'time', timeForm: 'unix-seconds', write: {} }, 'a time cannot be written'],
    [{ type: 'uint24', write: limits }, 'uint24 cannot be written'],
    [{ type: 'uint32', bits: [4, 7], write: limits }, 'goes with a part of one register only'],
    [{ write: {} }, 'a number is written only between min and max, or oneOf'],
    [{ write: { min: 2, max: 1 } }, 'must not be below min'],
    [{ write: { oneOf: ['on'] } }, '"on" is no number'],
    [{ bits: [4, 7], write: { oneOf: [1, 99] } }, '99 does not fit: bits [4, 7] holds 0 to 15'],
    [{ type: 'int16', write: { oneOf: [-32769] } }, '-32769 does not fit: int16 holds -32768 to 32767'],
    [{ type: 'uint64', write: { min: 0, max: 1e19 } }, 'from 2^53 on write it as a text of digits, in quotes'],
    [{ type: 'uint64', write: { min: 0, max: '1e19' } }, 'is "1e19": is no number'],
    [{ type: 'uint64', write: { min: '9007199254740993', max: '9007199254740992' } }, 'must not be below min'],
    [{ type: 'uint64', write: { oneOf: ['18446744073709551616'] } }, '18446744073709551616 does not fit: uint64'],
    [{ type: 'int32', write: { min: 0, max: '9' } }, 'is "9": is no number'],
    [{ type: 'bool', bit: 3, write: limits }, 'goes with numbers only'],
    [{ write: { ...limits, readModifyWrite: true } }, 'goes with a part of a register only'],
    [{ write: { ...limits, functionCode: 5 } }, '5 does not write this; here 6 or 16 or 23'],
    [{ type: 'float32', write: { ...limits, functionCode: 6 } }, '6 does not write this; here 16 or 23'],
    [{ type: 'bool', table: 'coil', write: { functionCode: 16 } }, '16 does not write this; here 5 or 15'],
    [{ type: 'string', registers: 122, write: { functionCode: 23 } }, 'writes at most 121 registers'],
  ])('%j', (tag, message) => expect(() => read(tag)).toThrow(message));
});

test('limits of 64-bit integers may be texts of digits, with all of them', () => {
  const write = { min: 0, max: '18446744073709551615' };
  expect(read({ type: 'uint64', write }).devices[0]?.tags[0]?.write).toMatchObject(write);
});

test('the gateway records what it is told as a device of its own, whose name no other has', () => {
  expect(() => read({}, { commands: { enabled: true } }, 'fieldline')).toThrow('is the gateway itself');
  expect(read({}, {}, 'fieldline').devices[0]?.device).toBe('fieldline');
});

test('no profile makes a tag writable: only an installation does', () => {
  const profile = { model: 'm', sources: [{ title: 't', at: 'a' }], tags: [{ tag: 't', address: 0, write: limits }] };
  const { error } = modbusProfileSchema.safeParse(profile);
  expect(error?.issues.map(({ message }) => message)).toEqual([
    'an installation allows this, not a profile: state it under override',
  ]);
});
