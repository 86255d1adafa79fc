import { z } from 'zod';
import { compressions } from '../contracts/batch.ts';
import { mqttShape } from './mqtt.ts';
import { brokerUrl, durationMs, filePath, proxyUrl } from './units.ts';

const maxBrokers = 8;

const proxySchema = z.strictObject({
  url: proxyUrl.describe('http:// or https:// (CONNECT) or socks5://; the names of brokers are resolved there'),
  username: z.string().min(1).optional(),
  passwordFile: filePath.optional().describe('file that holds the password; a trailing newline is ignored'),
});

const uplinkObject = z.strictObject({
  ...mqttShape,
  broker: z
    .union([brokerUrl, z.array(brokerUrl).min(1).max(maxBrokers)])
    .describe(
      'address of the MQTT broker (mqtt, mqtts, ws or wss; the last two with the path, often /mqtt), or a list of them: the first is used as long as it works, else the next that does',
    ),
  returnAfterMs: durationMs
    .default(300_000)
    .describe(
      'while another than the first broker of a list is in use, the earlier ones are tried about this often (half to one and a half times), and the session moves once one of them has taken it',
    ),
  keepaliveMs: mqttShape.keepaliveMs.describe(
    'MQTT keepalive; a link on which nothing is heard for so long is dead, and another session is begun. On a slow link longer than its largest batch takes',
  ),
  renewWithinMs: z
    .int()
    .nonnegative()
    .max(24 * 3_600_000)
    .default(60_000)
    .describe(
      'a new certificate, key or password in its file is taken up at a random moment within this time, so that a fleet does not connect again at once',
    ),
  proxy: proxySchema.optional(),
  confirm: z
    .enum(['cloud', 'broker'])
    .default('cloud')
    .describe('cloud: a batch is kept until the database has it; broker: until PUBACK'),
  compression: z.enum(compressions).default('zstd'),
  maxBatchBytes: z.int().min(1_000).max(120_000).default(100_000),
  maxInFlight: z.int().min(1).max(1_000).default(32).describe('batches sent and not yet answered by the broker'),
  resendAfterMs: durationMs
    .default(10_000)
    .describe('confirm cloud: what is not confirmed by then is sent again, with growing pauses'),
  backlog: z
    .strictObject({
      messagesPerSecond: z
        .number()
        .positive()
        .max(100_000)
        .optional()
        .describe('most batches of a backlog; without it, as many as are answered soon'),
      bytesPerSecond: z
        .int()
        .min(1_000)
        .optional()
        .describe('of the batches as sent; for a link that is metered or shared'),
    })
    .prefault({})
    .describe('most that is sent of a backlog; without it, as much as is answered soon'),
});

type Uplink = z.infer<typeof uplinkObject>;
type Problem = (path: PropertyKey[], message: string) => void;

function checkBrokers({ broker, tls }: Uplink, problem: Problem): void {
  const brokers = [broker].flat();
  for (const [index, url] of brokers.entries()) {
    const path = typeof broker === 'string' ? ['broker'] : ['broker', index];
    if (brokers.indexOf(url) < index) problem(path, 'stands in the list already');
    if (tls === undefined || /^(mqtts|wss):/.test(url)) continue;
    problem(path, 'uplink.tls is set, but this address is not encrypted: write mqtts:// or wss://, or remove tls');
  }
}

/** What is only half there would be ignored without a word. */
function checkPairs({ tls, proxy }: Uplink, problem: Problem): void {
  if (tls?.certFile !== undefined && tls.keyFile === undefined) {
    problem(['tls', 'certFile'], 'a certificate is of no use without its key: set uplink.tls.keyFile');
  }
  if (tls?.keyFile !== undefined && tls.certFile === undefined) {
    problem(['tls', 'keyFile'], 'a key is of no use without its certificate: set uplink.tls.certFile');
  }
  if (proxy?.passwordFile !== undefined && proxy.username === undefined) {
    problem(['proxy', 'passwordFile'], 'a password is of no use without a user: set uplink.proxy.username');
  }
}

export const uplinkSchema = uplinkObject.superRefine((uplink, context) => {
  const problem: Problem = (path, message) => context.addIssue({ code: 'custom', path, message });
  checkBrokers(uplink, problem);
  checkPairs(uplink, problem);
});
