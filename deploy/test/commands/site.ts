/** A site whose device is a simulated Modbus one. */

import { startSimulatedDevice } from '../simulated-device.ts';
import { type OperatedOptions, startOperated } from './operated.ts';

const constant = (value: unknown): object => ({ kind: 'constant', value });
const points = [
  { name: 'setpoint', address: 0, type: 'int16', scale: 0.1, signal: constant(20) },
  { name: 'mode', address: 1, type: 'uint16', signal: constant(1) },
  { name: 'level', address: 2, type: 'uint16', signal: constant(5) },
];
const tags = [
  { tag: 'setpoint', address: 0, type: 'int16', scale: 0.1, write: { min: 5, max: 35, atMostEveryMs: 1 } },
  { tag: 'mode', address: 1, write: { oneOf: [1, 2], atMostEveryMs: 60_000 } },
  { tag: 'level', address: 2 },
];

export type SiteOptions = OperatedOptions & { readonly link?: object; readonly timeoutMs?: number };

export async function startSite({ link, timeoutMs = 400, ...options }: SiteOptions = {}) {
  const { plant, port } = await startSimulatedDevice({ points });
  const to = { kind: 'tcp', host: '127.0.0.1', port, ...link };
  const device = { device: 'plc', protocol: 'modbus', link: to, everyMs: 200, timeoutMs, tags };
  return { ...(await startOperated([device], options)), plant };
}
