import { modbusDeviceSchema, opcuaDeviceSchema } from '@fieldline/shared/config';
import { birthSchema, decodeMessage, type Tag } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { birthMessages, describeDevices } from '../../src/uplink/births.ts';

const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/);
const tags = fc.array(
  fc.record({ tag: id, type: fc.constant('float64' as const), description: fc.string({ maxLength: 512 }) }),
  {
    maxLength: 60,
  },
);
const devices = fc.array(
  fc.record({ device: id, protocol: fc.constant('modbus'), tags: tags.filter(({ length }) => length > 0) }),
  {
    maxLength: 12,
  },
);

it('tells every tag once, in parts that stay within their size and say how many they are', () => {
  fc.assert(
    fc.property(devices, fc.integer({ min: 5_000, max: 20_000 }), (given, maxBytes) => {
      const messages = birthMessages('gw', given, maxBytes);
      const parts = messages.map((bytes) => {
        expect(bytes.length).toBeLessThanOrEqual(maxBytes);
        return decodeMessage(birthSchema, bytes, 'gw');
      });
      expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index + 1));
      expect(parts.every((part) => part.parts === parts.length)).toBe(true);
      const told = parts
        .flatMap((part) => part.devices)
        .flatMap(({ device, tags: own }) => own.map((tag) => ({ device, ...tag })));
      expect(told).toEqual(given.flatMap(({ device, tags: own }) => own.map((tag) => ({ device, ...tag }))));
    }),
    { numRuns: 50 },
  );
});

const boiler = modbusDeviceSchema.parse({
  device: 'boiler',
  protocol: 'modbus',
  link: { kind: 'tcp', host: '127.0.0.1' },
  tags: [
    { tag: 'setpoint', address: 100, write: { min: 5, max: 35 } },
    { tag: 'level', address: 101 },
  ],
});
const tagsOfBoiler: Tag[] = boiler.tags.map(({ tag }) => ({ device: 'boiler', tag, type: 'uint16' }));

it('says which tags commands may write, and of none where the gateway takes no commands', () => {
  const born = (takesCommands: boolean) => {
    const messages = birthMessages('gw', describeDevices([boiler], tagsOfBoiler, takesCommands));
    return messages.flatMap((bytes) => decodeMessage(birthSchema, bytes, 'gw').devices.flatMap(({ tags: all }) => all));
  };
  expect(born(true)).toEqual([
    { tag: 'setpoint', type: 'uint16', writable: true },
    { tag: 'level', type: 'uint16' },
  ]);
  expect(born(false).map(({ writable }) => writable)).toEqual([undefined, undefined]);
});

it('says of a method that commands may call it', () => {
  const mixer = opcuaDeviceSchema.parse({
    ...{ device: 'mixer', protocol: 'opcua', endpoint: 'opc.tcp://127.0.0.1:4840' },
    tags: [{ tag: 'level', node: 'i=1' }],
    calls: [{ tag: 'dose', object: 'i=2', method: 'i=3', description: 'a shot of water' }],
  });
  const tags: Tag[] = ['level', 'dose'].map((tag) => ({ device: 'mixer', tag, type: 'string' }));
  expect(describeDevices([mixer], tags, true)[0]?.tags).toEqual([
    { tag: 'level', type: 'string' },
    { tag: 'dose', type: 'string', description: 'a shot of water', writable: true },
  ]);
});
