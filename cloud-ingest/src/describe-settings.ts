/** What a settings file means, in a few lines: for `validate`. */
import type { IngestConfig } from '@fieldline/shared/config';
import { counted } from '@fieldline/shared/runtime';

export function describeSettings({ mqtt, backbone, database, processor, api, http }: IngestConfig): string[] {
  const token =
    api.tokenFile === undefined ? 'without a token, from this machine only' : `with the token in ${api.tokenFile}`;
  return [
    row('bridge', `reads ${mqtt.broker}, up to ${counted(mqtt.window, 'message')} under way${groupOf(mqtt)}`),
    row('backbone', backboneOf(backbone)),
    row(
      'processor',
      `group ${processor.group}, ${counted(processor.lanes, 'lane')}; takes samples from ${span(processor.acceptPastMs)} back to ${span(processor.acceptFutureMs)} ahead`,
    ),
    row('database', `${withoutPassword(database.url)}, schema ${database.schema}`),
    row(
      '',
      `keeps samples ${span(database.retainRawMs)}, minutes ${span(database.retainMinutesMs)}, hours ${span(database.retainHoursMs)}, days for good, dead letters ${span(database.retainDeadLettersMs)}`,
    ),
    row('page, API', `http://${api.host}:${api.port}, ${token}`),
    row('metrics', `http://${http.host}:${http.port}/metrics`),
  ];
}

const row = (name: string, text: string): string => `  ${name.padEnd(11)}${text}`;

const groupOf = ({ shareGroup }: IngestConfig['mqtt']): string =>
  shareGroup === undefined ? '' : `, shared with the bridges of ${shareGroup}`;

function backboneOf(backbone: IngestConfig['backbone']): string {
  if (backbone.kind === 'embedded') {
    const size = `${Math.round(backbone.retentionBytes / 1024 ** 2).toLocaleString('en-US')} MiB`;
    return `the embedded log in ${backbone.folder}, ${counted(backbone.partitions, 'partition')}, up to ${size}: for one machine`;
  }
  const copies = `${counted(backbone.replication, 'copy', 'copies')}, acknowledged by ${backbone.minInSync}`;
  return `Kafka at ${backbone.brokers.join(', ')}, ${counted(backbone.partitions, 'partition')}, ${copies}, kept ${span(backbone.retentionMs)}`;
}

/** What is printed ends up in logs. */
function withoutPassword(address: string): string {
  const url = new URL(address);
  url.password = '';
  return url.href;
}

const spans: readonly (readonly [sizeMs: number, name: string])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1_000, 'second'],
];

/** In the largest unit that leaves no rest. */
function span(ms: number): string {
  const [sizeMs, name] = spans.find(([each]) => ms % each === 0) ?? [1, 'ms'];
  return name === 'ms' ? `${ms} ms` : counted(ms / sizeMs, name);
}
