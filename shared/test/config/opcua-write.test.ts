import { edgeSchema, parseConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

const read = (tag: object = {}, device: object = {}) => {
  const tags = [{ tag: 't', node: 'nsu=urn:plant;s=t', ...tag }];
  const settings = { device: 'plc', protocol: 'opcua', endpoint: 'opc.tcp://plc:4840', tags, ...device };
  const edge = { gateway: 'g1', uplink: { broker: 'mqtt://127.0.0.1:1883' }, devices: [settings] };
  return parseConfig(edgeSchema, stringify(edge), 'edge.yaml');
};

test('an OPC UA tag is written only where it says so', () => {
  expect(read({}).devices[0]?.tags[0]).not.toHaveProperty('write');
  expect(read({ write: { min: 0, max: 5 } }).devices[0]?.tags[0]).toMatchObject({ write: { atMostEveryMs: 1_000 } });
});

test.each([
  [{ write: {} }, 'a number is written only between min and max, or oneOf'],
  [{ write: { min: 2, max: 1 } }, 'must not be below min'],
  [{ write: { oneOf: ['on'] } }, '"on" is no number'],
  [{ type: 'int16', write: { oneOf: [1, 40_000] } }, '40000 does not fit: int16 holds no such value'],
  [{ type: 'uint64', write: { oneOf: [-1] } }, '-1 does not fit: uint64 holds no such value'],
  [{ type: 'bool', write: { min: 0 } }, 'goes with numbers only'],
  [{ type: 'string', write: { oneOf: [1] } }, '1 is no string'],
  [{ part: 'status', type: 'uint32', write: { min: 0, max: 1 } }, 'goes with the whole value of a node, or with one'],
  [{ element: 'A', write: { min: 0, max: 1 } }, 'goes with the whole value of a node, or with one'],
  [{ element: '[1][2]', write: { min: 0, max: 1 } }, 'goes with the whole value of a node, or with one'],
  [{ type: 'string', write: { each: {} } }, 'a number is written only between min and max, or oneOf'],
  [{ write: { min: 0, max: 1, each: { min: 0, max: 1 } } }, 'a list is JSON in a text: state type: string'],
  [{ type: 'string', element: '[1]', write: { each: { min: 0, max: 1 } } }, 'is for all elements, and this tag is one'],
  [{ type: 'string', write: { oneOf: ['a'], each: { min: 0, max: 1 } } }, 'state it under each'],
  [{ type: 'string', write: { length: 3 } }, 'goes with each only'],
  [{ write: { min: 0, max: 1, functionCode: 6 } }, 'functionCode'],
])('limits that contradict themselves or the type are told: %j', (tag, message) => {
  expect(() => read(tag)).toThrow(message);
});

const call = { tag: 'reset', object: 'nsu=urn:plant;s=Boiler', method: 'nsu=urn:plant;s=Boiler.Reset' };
const amount = { name: 'amount', type: 'uint16', min: 0, max: 10 };

test('a method is called only where a device states it, with limits for each input', () => {
  expect(read().devices[0]).not.toHaveProperty('calls');
  const { devices } = read({}, { calls: [{ ...call, inputs: [amount] }] });
  expect(devices[0]).toMatchObject({ calls: [{ tag: 'reset', atMostEveryMs: 1_000, inputs: [amount] }] });
});

test.each([
  [{ ...call, tag: 't' }, 'another tag of this device has this id'],
  [{ ...call, method: 'Reset' }, 'a node id such as'],
  [{ ...call, object: 'every' }, 'object'],
  [{ ...call, object: undefined }, 'is missing: state object or objectPath'],
  [{ ...call, methodPath: '1:Boiler/1:Reset' }, 'method and methodPath are two ways to say it; state one'],
  [{ ...call, method: undefined, methodPath: 'Boiler/Reset' }, 'it has names without a namespace'],
  [{ ...call, inputs: [{ name: 'amount' }] }, 'a number is written only between min and max, or oneOf'],
  [{ ...call, inputs: [amount, amount] }, 'another input has this name'],
  [{ ...call, object: 'any', inputs: [{ ...amount, name: 'object' }] }, 'is how a command names the object'],
  [{ ...call, inputs: [{ name: 'mode', type: 'int8', oneOf: [200] }] }, '200 does not fit: int8 holds no such value'],
])('what contradicts itself in a method is told: %j', (stated, message) => {
  expect(() => read({}, { calls: [stated] })).toThrow(message);
});
