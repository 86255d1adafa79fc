import { z } from 'zod';
import { brokerUrl, durationMs, filePath, id, timeoutMs, tlsClient } from './units.ts';

/** How a program reaches the MQTT broker; the same on both sides. */
export const mqttShape = {
  broker: brokerUrl.describe('address of the MQTT broker'),
  protocol: z
    .enum(['3.1.1', '5'])
    .default('5')
    .describe('MQTT version; falls back to 3.1.1 by itself where the broker refuses 5'),
  clientId: id.optional().describe('MQTT client id; the default names the program and the gateway or host'),
  username: z.string().min(1).optional(),
  passwordFile: filePath.optional().describe('file that holds the password; a trailing newline is ignored'),
  tls: tlsClient.optional(),
  /** The protocol has 16 bits for the seconds. */
  keepaliveMs: durationMs.max(65_535_000).default(30_000),
  connectTimeoutMs: timeoutMs.default(10_000),
};
