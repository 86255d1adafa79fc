import type { BackboneConfig } from '@fieldline/shared/config';
import type { Clock, Log } from '@fieldline/shared/runtime';
import type { Backbone } from './backbone.ts';

/**
 * The backbone of the settings; the library of the other kind is not loaded.
 * @throws FieldlineError backbone/unreachable, settings/unreadable
 */
export async function openBackbone(config: BackboneConfig, clock: Clock, log: Log): Promise<Backbone> {
  switch (config.kind) {
    case 'kafka':
      return (await import('./kafka/kafka-backbone.ts')).openKafkaBackbone(config, log);
    case 'embedded':
      return (await import('./embedded/embedded-backbone.ts')).openEmbeddedBackbone(config, clock, log);
  }
}
