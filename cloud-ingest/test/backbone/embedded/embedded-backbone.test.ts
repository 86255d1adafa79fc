import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { openEmbeddedBackbone } from '../../../src/backbone/embedded/embedded-backbone.ts';
import { record } from '../conformance/bench.ts';
import { backboneConformance } from '../conformance.ts';

const retentionBytes = 100_000_000;

backboneConformance('the embedded log', {
  requirement: { name: 'sqlite', skipReason: null },
  partitions: 3,
  maxRecordBytes: 1_000_000,
  open: async () =>
    openEmbeddedBackbone(
      { kind: 'embedded', folder: temporaryFolder(), partitions: 3, maxRecordBytes: 1_000_000, retentionBytes },
      systemClock,
      silentLog,
    ),
  forgetOldest: async (backbone, topic) => {
    // Everything older than these goes, except the end of the topic that is under test.
    const filler = Array.from({ length: 9 }, () => record('filler', Buffer.alloc(900_000)));
    for (;;) {
      const held = await backbone.bounds(topic);
      if (held.some(({ oldest }) => oldest > 2)) return;
      await backbone.append(topic, filler);
    }
  },
  close: async () => {},
});
