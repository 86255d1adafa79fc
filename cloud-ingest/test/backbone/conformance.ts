/** What every backbone keeps, whatever it is made of (see src/backbone/backbone.ts). */
import { describeWith } from '@fieldline/shared/testing';
import { afterAll, beforeAll } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import type { Bench, Subject } from './conformance/bench.ts';
import { testConsumers } from './conformance/consumers.ts';
import { testLogsMadeAgain } from './conformance/logs-made-again.ts';
import { testRecords } from './conformance/records.ts';

let topics = 0;

export function backboneConformance(name: string, subject: Subject): void {
  describeWith(subject.requirement, `${name} as a backbone`, () => {
    let opened: Backbone | undefined;
    const backbone = (): Backbone => {
      if (opened === undefined) throw new Error('the backbone is open while a test runs');
      return opened;
    };
    beforeAll(async () => {
      opened = await subject.open();
    }, 120_000);
    afterAll(async () => {
      await opened?.close();
      await subject.close();
    }, 60_000);

    const bench: Bench = {
      subject,
      get backbone() {
        return backbone();
      },
      newTopic: async () => {
        const topic = `conformance.${process.pid}.${topics++}`;
        await backbone().ensureTopic(topic);
        return topic;
      },
      consume: (topic, options = {}) =>
        backbone().consume({
          topic,
          group: `group-${topic}`,
          queueBytes: 1_000_000,
          positions: async () => [],
          onGap: () => {},
          ...options,
        }),
    };
    testRecords(bench);
    testConsumers(bench);
    testLogsMadeAgain(bench);
  });
}
