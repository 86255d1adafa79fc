/** The MQTT broker of the demonstration: aedes in this process, or the one that --broker names. */
import { FieldlineError } from '@fieldline/shared/contracts';
import { startAedes } from '@fieldline/shared/testing/aedes';
import { connectAsync } from 'mqtt';

export type DemoBroker = { readonly url: string; readonly place: string; readonly close: () => Promise<void> };

export async function openBroker(url: string | undefined): Promise<DemoBroker> {
  if (url !== undefined) return openExternal(url);
  const broker = await startAedes();
  return { url: broker.url, place: 'embedded', close: broker.close };
}

/** Connects once, so that a broker that is not there or a password that is refused is told at once and in words. */
async function openExternal(url: string): Promise<DemoBroker> {
  const { host, protocol } = new URL(url);
  try {
    const client = await connectAsync(url, { connectTimeout: 10_000, reconnectPeriod: 0 }, false);
    await client.endAsync();
  } catch (error) {
    const { code, message } = error as { code?: number | string; message: string };
    // CONNACK return codes: 4 and 5 in MQTT 3.1.1, 134 and 135 in MQTT 5.
    if (typeof code === 'number') {
      throw new FieldlineError(
        'broker/refused',
        `--broker: ${host} refused the session (${message}): check user and password`,
        {
          cause: error,
        },
      );
    }
    throw new FieldlineError(
      'broker/unreachable',
      `--broker: no MQTT broker answers at ${protocol}//${host} (${message || code}): start it, or leave --broker out`,
      { cause: error },
    );
  }
  return { url, place: host, close: async () => {} };
}
