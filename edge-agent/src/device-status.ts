/** What drivers say of their devices, for the health report and the metrics. */
import { counted, type Metrics } from '@fieldline/shared/runtime';
import type { Driver } from './drivers/driver.ts';

const everyMs = 2_000;

/** A plant that stands still is no trouble of the gateway, but who looks for missing values wants to know. null where all answer. */
export function silentDevices(drivers: readonly Driver[]): string | null {
  const all = drivers.flatMap((driver) => driver.status());
  const silent = all.filter(({ state }) => state !== 'connected');
  if (silent.length === 0) {
    const odd = all.find(({ trouble }) => trouble !== null);
    return odd === undefined ? null : `${odd.device}: ${odd.trouble}`;
  }
  const [first] = silent;
  return `${silent.length} of ${counted(all.length, 'device')} not connected, e.g. ${first?.device}: ${first?.trouble ?? first?.state}`;
}

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
