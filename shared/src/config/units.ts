/** Pieces that several schemas share: ids, ports, durations, sizes. Units stand last in every setting's name. */
import { z } from 'zod';
import { idPattern, idRule } from '../contracts/topics.ts';

export const id = z.string().regex(idPattern, idRule);
/** An IPv6 address has more than one colon. */
const hostAndPort = /^([^:]+):(\d+)$/;
export const host = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\s/]+$/, 'must be a name or an address alone, without blanks or slashes')
  .refine((text) => !/^\d+(\.\d+){3}$/.test(text) || text.split('.').every((part) => Number(part) <= 255), {
    error: 'must be a name or an address: the four numbers of an IPv4 address are at most 255',
  })
  .refine((text) => !hostAndPort.test(text), {
    error: ({ input }) =>
      `the port is a setting of its own: ${String(input).replace(hostAndPort, 'host: $1, port: $2')}`,
  });
export const port = z.int().min(1).max(65_535);
/** 0 lets the system choose a free port. */
export const listenPort = z.int().min(0).max(65_535);
export const durationMs = z
  .int()
  .positive()
  .max(366 * 24 * 3_600_000);
/** How long an answer is waited for. Timers reach 2³¹ ms; what is longer than a day has been mistaken for something else. */
export const timeoutMs = z
  .int()
  .positive()
  .max(24 * 3_600_000);
/** How long something is kept: up to a hundred years. */
export const keptMs = z
  .int()
  .positive()
  .max(100 * 366 * 24 * 3_600_000);
export const sizeBytes = z.int().positive();
export const filePath = z.string().min(1);

/** MQTT over TCP, TLS, WebSocket or WebSocket with TLS. */
export const brokerUrl = z
  .url({
    protocol: /^(mqtts?|wss?)$/,
    error: 'must be an address such as mqtt://host:1883, mqtts://host:8883, ws:// or wss://',
  })
  .refine((url) => !URL.canParse(url) || new URL(url).password === '', {
    error: 'a password does not stand in an address: use username and passwordFile',
  });

/** The proxy of a site. */
export const proxyUrl = z
  .url({
    protocol: /^(https?|socks5)$/,
    error: 'must be an address such as http://host:3128, https://host:3128 or socks5://host:1080',
  })
  .refine((url) => !URL.canParse(url) || new URL(url).username + new URL(url).password === '', {
    error: 'user and password do not stand in an address: use username and passwordFile',
  });

/** Certificates for a TLS client; where absent, the system's authorities and no client certificate. */
export const tlsClient = z.strictObject({
  caFile: filePath.optional().describe('PEM file of the authorities to trust'),
  certFile: filePath.optional().describe('PEM file of the client certificate'),
  keyFile: filePath.optional().describe('PEM file of the key of the client certificate'),
});
