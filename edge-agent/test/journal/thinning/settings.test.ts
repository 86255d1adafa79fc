import { deviceSchema } from '@fieldline/shared/config';
import { expect, it } from 'vitest';
import { thinToMsOf } from '../../../src/journal/thinning/settings.ts';

const tag = (name: string, more = {}) => ({ tag: name, node: `ns=2;s=${name}`, type: 'float64', ...more });
const device = (more: object, ...tags: object[]) =>
  deviceSchema.parse({ device: 'plc1', protocol: 'opcua', endpoint: 'opc.tcp://localhost:4840', tags, ...more });

it('takes what a tag says before what its device says for all', () => {
  const thinToMs = thinToMsOf([device({ thinToMs: 60_000 }, tag('level'), tag('flow', { thinToMs: 1_000 }))]);
  expect(thinToMs?.('plc1', 'level')).toBe(60_000);
  expect(thinToMs?.('plc1', 'flow')).toBe(1_000);
  expect(thinToMs?.('plc2', 'level')).toBeNull();
});

it('knows where nothing may be thinned', () => {
  expect(thinToMsOf([device({}, tag('level'))])).toBeNull();
  expect(thinToMsOf([device({}, tag('level'), tag('flow', { thinToMs: 5_000 }))])?.('plc1', 'level')).toBeNull();
});

it('never thins events, whatever their device says', () => {
  const events = tag('alarms', { type: 'string', events: {} });
  const thinToMs = thinToMsOf([device({ thinToMs: 60_000 }, tag('level'), events)]);
  expect(thinToMs?.('plc1', 'level')).toBe(60_000);
  expect(thinToMs?.('plc1', 'alarms')).toBeNull();
});
