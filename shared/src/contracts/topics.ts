/**
 * Topics and keys, built and parsed here and nowhere else.
 *
 *   fieldline/<gateway>/batch   agent → cloud   a batch, QoS 1
 *   fieldline/<gateway>/state   agent → cloud   retained: online or not, streams held; also the will
 *   fieldline/<gateway>/birth   agent → cloud   the devices and tags of the gateway, in parts
 *   fieldline/<gateway>/ack     cloud → agent   retained: commit acknowledgement; only the ingest service may publish it
 *   fieldline/<gateway>/command cloud → agent   a value for a tag, never retained; only operators may publish it
 *   fieldline/<gateway>/answer  agent → cloud   what became of a command
 *
 * Limits of the strictest managed brokers: at most 7 slashes and 256 bytes. An id is therefore at most 64 bytes.
 */
export const topicRoot = 'fieldline';

export const messageKinds = ['batch', 'state', 'birth', 'ack', 'command', 'answer'] as const;
export type MessageKind = (typeof messageKinds)[number];
/** What an agent sends and the bridge carries. */
export const fromGateway = ['batch', 'state', 'birth'] as const satisfies readonly MessageKind[];

/** Ids of gateways, devices and tags: what survives in a topic, a metric label and a URL without escaping. */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
export const idRule = 'an id is 1–64 of the characters A–Z a–z 0–9 . _ : - and begins with a letter or digit';
export const isId = (text: string): boolean => idPattern.test(text);

/** @throws RangeError for an id that is not one: ids are checked where settings are read. */
export function topicOf(gateway: string, kind: MessageKind): string {
  if (!isId(gateway)) throw new RangeError(`not a gateway id: ${JSON.stringify(gateway)}`);
  return `${topicRoot}/${gateway}/${kind}`;
}

export type ParsedTopic = { readonly gateway: string; readonly kind: MessageKind };

/** A gateway says the same few topics again and again, and parsing one costs more than a look. */
const parsed = new Map<string, ParsedTopic | null>();
const mostParsed = 30_000;

/** null for a topic that is not ours. */
export function parseTopic(topic: string): ParsedTopic | null {
  const known = parsed.get(topic);
  if (known !== undefined) return known;
  if (parsed.size >= mostParsed) parsed.clear();
  const made = parse(topic);
  parsed.set(topic, made);
  return made;
}

function parse(topic: string): ParsedTopic | null {
  const parts = topic.split('/');
  const [root, gateway, kind] = parts;
  if (parts.length !== 3 || root !== topicRoot || gateway === undefined || !isId(gateway)) return null;
  return messageKinds.includes(kind as MessageKind) ? { gateway, kind: kind as MessageKind } : null;
}

/** Topic filters of the bridge: all kinds that gateways send, of all gateways. */
export const bridgeFilters = (): string[] => fromGateway.map((kind) => `${topicRoot}/+/${kind}`);

/**
 * How a bridge tests that it still receives: a probe on a topic that its filter matches, under a name that no gateway can
 * have. Replies come to the bridge that asked.
 */
export const probeTopic = `${topicRoot}/~probe/batch`;
export const probeReplyTopic = (bridge: string): string => `${topicRoot}/~probe/reply/${bridge}`;

/** Topic filter of all acknowledgements: for who compares what was confirmed with what is there. */
export const ackFilter = (): string => `${topicRoot}/+/ack`;

/** The backbone's key: order is kept per gateway. */
export const keyOf = (gateway: string): string => gateway;

/** Topics of the backbone. Dots, not slashes: Kafka allows no slash. */
export const backboneTopics = { raw: 'fieldline.raw', deadLetters: 'fieldline.dead-letters' } as const;

/** Headers of a backbone record: what the bridge knows and the payload does not say. */
export const recordHeaders = {
  topic: 'topic',
  gateway: 'gateway',
  receivedAt: 'received-at',
  qos: 'qos',
  retain: 'retain',
  dup: 'dup',
} as const;
