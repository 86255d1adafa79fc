/** What an operator and the gateways would have stated of every tag of a fleet: limits, and a scale and offset that changed once. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import { type BirthMessage, type Micros, messageVersion } from '@fieldline/shared/contracts';
import { carryOut } from '../../../cloud-ingest/src/registry/carry-out.ts';
import { openStore } from '../../../cloud-ingest/src/store/connection.ts';
import { addGateways, saveBirth } from '../../../cloud-ingest/src/store/gateways.ts';
import type { Fields } from '../../../cloud-ingest/src/store/periods.ts';
import { type FleetShape, gatewayName, tagsOf } from './backlog.ts';

/** `changedAt`: from when on another scale and offset hold. */
export async function registerFleet(config: DatabaseConfig, shape: FleetShape, changedAt: Micros): Promise<void> {
  const store = openStore(config, 'fieldline-bench', 1);
  const tags = tagsOf(shape);
  const gateways = Array.from({ length: shape.gateways }, (_, index) => gatewayName(index));
  try {
    await store.inTransaction(async (session) => {
      await addGateways(session, gateways);
      for (const gateway of gateways) await saveBirth(session, { birth: birthOf(gateway, tags), receivedAt: 1 });
    });
    const state = (validFrom: Micros, stated: Partial<Fields>): Promise<unknown> =>
      carryOut(store, {
        edits: gateways.flatMap((gateway) =>
          tags.map(({ device, tag }) => ({ gateway, device, tag, stated, released: [] })),
        ),
        since: { validFrom, note: null },
        dryRun: false,
        problemsOf: (found) => found.map(({ message }) => message),
      });
    // Powers of two: the values are then as hard to compress as they were.
    await state(1, { scale: 0.5, offset: -8 });
    await state(changedAt, { scale: 0.25, offset: -16 });
  } finally {
    await store.close();
  }
}

function birthOf(gateway: string, tags: ReturnType<typeof tagsOf>): BirthMessage {
  const devices = Map.groupBy(tags, ({ device }) => device);
  return {
    v: messageVersion,
    gateway,
    part: 1,
    parts: 1,
    devices: [...devices].map(([device, ofDevice]) => ({
      device,
      protocol: 'modbus',
      tags: ofDevice.map(({ tag, type }) => ({ tag, type, unit: '°C', minimum: -1_000, maximum: 1_000 })),
    })),
  };
}
