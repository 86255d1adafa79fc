import type { X509Certificate } from 'node:crypto';
import { choices, type Discovered } from '../../drivers/opcua/session/discover.ts';
import { certificatesOf, securityName, tokenName } from '../../drivers/opcua/session/endpoint-choice.ts';
import { shortFingerprint, trustCommand } from '../../drivers/opcua/trust/certificate-words.ts';
import { judgeBy, readChain } from '../../drivers/opcua/trust/certificates.ts';
import { readTrustFolder } from '../../drivers/opcua/trust/trust-folder.ts';
import { certificateLines } from '../certs/list.ts';
import { columns } from '../columns.ts';

type Endpoints = Discovered['endpoints'];

/** `folder`: of the certificates that are trusted; null: nobody said whose. */
export async function endpointLines(
  endpoints: Endpoints,
  address: string,
  folder: string | null,
  now: Date,
): Promise<string[]> {
  if (endpoints.length === 0) return ['the server offers no endpoint'];
  const chosen = choices(endpoints);
  const rows = endpoints.map((endpoint) => [
    endpoint.endpointUrl ?? '',
    securityName(endpoint),
    [...new Set((endpoint.userIdentityTokens ?? []).map((token) => tokenName(token)))].join(', '),
    chosen.get(endpoint)?.join(', ') ?? '',
  ]);
  return [
    ...columns([['ENDPOINT', 'SECURITY', 'USERS', 'TAKEN FOR'], ...rows]),
    chosen.size === 0
      ? 'the agent takes none of them where security is not stated: that must be stated, and None only if there is no other'
      : 'TAKEN FOR: by the agent where security is not stated, for users of this kind',
    ...(endpoints.every(({ endpointUrl }) => hostOf(endpointUrl) === hostOf(address))
      ? []
      : [`the server gives itself another address; the agent goes on with ${address}`]),
    ...(await certificatesLines(endpoints, folder, now)),
  ];
}

const hostOf = (address: string | null): string => URL.parse(address ?? '')?.hostname ?? '';

async function certificatesLines(endpoints: Endpoints, folder: string | null, now: Date): Promise<string[]> {
  const chains = endpoints.map((endpoint) => readChain(certificatesOf(endpoint)));
  const different = new Map(chains.flatMap((chain) => chain.slice(0, 1).map((leaf) => [leaf.fingerprint256, chain])));
  const lines = await Promise.all(
    [...different.values()].map(async (chain) => {
      const [leaf] = chain;
      return leaf === undefined
        ? []
        : [
            '',
            ...certificateLines('certificate', leaf, now),
            `  trust    ${await trustText(chain, leaf, folder, now)}`,
          ];
    }),
  );
  return lines.length === 0 ? ['', 'no certificate'] : lines.flat();
}

async function trustText(
  chain: readonly X509Certificate[],
  leaf: X509Certificate,
  folder: string | null,
  now: Date,
): Promise<string> {
  if (folder === null) return 'state --config to see whether it is trusted';
  const verdict = await judgeBy(readTrustFolder(folder), chain, now);
  switch (verdict.kind) {
    case 'trusted':
      return verdict.by === 'itself' ? 'trusted' : 'trusted by its authority';
    case 'unknown':
      return `not trusted; once the agent has met it: ${trustCommand(shortFingerprint(leaf))}`;
    case 'no-list':
      return 'refused: the revocation list of its authority is missing';
    case 'old-list':
      return 'refused: the revocation list of its authority has expired';
    default:
      return `refused: ${verdict.kind}`;
  }
}

export function serverLines(servers: Discovered['servers']): string[] {
  if (servers === null) return ['', 'the server does not tell which servers it knows'];
  const rows = servers.map(({ applicationUri, applicationName, discoveryUrls }) => [
    applicationName?.text ?? '',
    applicationUri ?? '',
    (discoveryUrls ?? []).join(', '),
  ]);
  return ['', ...columns([['SERVER', 'APPLICATION URI', 'ADDRESSES'], ...rows])];
}
