import { expect, test } from 'vitest';
import { parseOptions } from '../../demo/options.ts';

const defaults = { dataFolder: '.fieldline', plant: 'plant' };
const parse = (...args: string[]) => parseOptions(args, defaults);

test('without options everything is embedded and runs until it is stopped', () => {
  expect(parse()).toEqual({
    forMs: undefined,
    broker: undefined,
    kafka: undefined,
    database: undefined,
    dataFolder: '.fieldline',
    port: 8080,
    plant: 'plant',
  });
});

test.each([
  ['60s', 60_000],
  ['1500ms', 1_500],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
])('--for %s', (text, ms) => {
  expect(parse('--for', text).forMs).toBe(ms);
});

test('each embedded part is swapped by one option', () => {
  const options = parse(
    '--broker',
    'mqtt://broker:1883',
    '--kafka',
    'one:9092,two:9092',
    '--database',
    'postgres://u@db/x',
  );
  expect(options).toMatchObject({
    broker: 'mqtt://broker:1883',
    kafka: ['one:9092', 'two:9092'],
    database: 'postgres://u@db/x',
  });
});

test.each([
  ['an unknown option, with the list of options', ['--brocker', 'x'], /--brocker[\s\S]*--broker URL/],
  ['a time without a unit', ['--for', '60'], /--for 60: give a number and ms, s, m or h/],
  ['a time too short to carry anything', ['--for', '10ms'], /at least one second/],
  [
    'a broker that is not an address',
    ['--broker', 'localhost:1883'],
    /--broker localhost:1883: give an address such as mqtt:/,
  ],
  [
    'a database of another kind',
    ['--database', 'mysql://db/x'],
    /--database mysql:\/\/db\/x: give an address such as postgres:/,
  ],
  ['a Kafka host without its port', ['--kafka', 'one:9092,two'], /"two" is not host:port/],
  ['a port that is none', ['--port', '80800'], /--port 80800: give a number up to 65535/],
])('%s is refused in words', (_name, args, message) => {
  expect(() => parse(...args)).toThrow(message);
});
