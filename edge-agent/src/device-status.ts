/** What drivers say of their devices, for the health report and the metrics. */
import { counted, type Metrics } from '@fieldline/shared/runtime';
import type { DeviceStatus, Driver } from './drivers/driver.ts';

const everyMs = 2_000;
/** Of those that answer. */
const mostNamed = 3;

/**
 * A plant that stands still is no trouble of the gateway, but who looks for missing values wants to know: which devices do not answer,
 * and which answer and do not give all that they are asked for. null where all is well.
 */
export function deviceTroubles(drivers: readonly Driver[]): string | null {
  const all = drivers.flatMap((driver) => driver.status());
  const silent = all.filter(({ state }) => state !== 'connected');
  const odd = all.filter(({ state, trouble }) => state === 'connected' && trouble !== null);
  const of = counted(all.length, 'device');
  const texts = [
    silent.length === 0 ? [] : `${silent.length} of ${of} not connected, e.g. ${silent.slice(0, 1).map(textOf)}`,
    odd.length <= mostNamed
      ? odd.map(textOf)
      : `${odd.length} of ${of} do not give all they should, e.g. ${odd.slice(0, mostNamed).map(textOf).join('; ')}`,
  ].flat();
  return texts.length === 0 ? null : texts.join('; ');
}

const textOf = ({ device, state, trouble }: DeviceStatus): string => `${device}: ${trouble ?? state}`;

export function notesOf(drivers: readonly Driver[]): string | null {
  const notes = drivers.flatMap((driver) => driver.note?.() ?? []);
  return notes.length === 0 ? null : notes.join('; ');
}

/** One gauge per device; gives what ends it. */
export function watchDevices(drivers: readonly Driver[], metrics: Metrics): () => void {
  const gauge = metrics.gauge('fieldline_agent_device_connected', '1 while the device answers', ['device']);
  const measure = (): void => {
    for (const { device, state } of drivers.flatMap((driver) => driver.status())) {
      gauge.set({ device }, state === 'connected' ? 1 : 0);
    }
  };
  const timer = setInterval(measure, everyMs);
  return () => clearInterval(timer);
}
