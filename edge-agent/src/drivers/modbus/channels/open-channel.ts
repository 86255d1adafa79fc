import { isSerialLink, type ModbusLink } from '@fieldline/shared/config';
import type { Channel } from './channel.ts';
import type { DialIns } from './dial-in.ts';
import { openSerial } from './serial-channel.ts';
import { openTcp } from './tcp-channel.ts';
import { openUdp } from './udp-channel.ts';

export type Address = { readonly host: string; readonly port: number };

/**
 * `at`: which of the addresses of the device, where it has any.
 * @throws FieldlineError device/unreachable, port/in-use
 */
export function openChannel(
  link: ModbusLink,
  at: Address | null,
  dialIns: DialIns,
  signal: AbortSignal,
): Promise<Channel> {
  if (isSerialLink(link)) return openSerial(link);
  if (link.kind === 'listen') return dialIns.accept(link, signal);
  const { host, port } = at ?? link;
  return link.kind === 'udp' ? openUdp(host, port) : openTcp(host, port, signal);
}
