/**
 * Which of the endpoints that a server offers is connected to, and by which of its user tokens we log in there. Pure, and asked
 * twice: of the list that comes over an open line, where anybody may have changed it, and of the one over the secured line.
 */
import type { OpcuaSecurity } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { type EndpointDescription, MessageSecurityMode, SecurityPolicy, UserTokenType } from '../library.ts';
import type { EndpointPlan, Identity } from '../plan.ts';

export type TokenPolicy = NonNullable<EndpointDescription['userIdentityTokens']>[number];

export type Choice = {
  readonly endpoint: EndpointDescription;
  readonly security: OpcuaSecurity;
  readonly token: TokenPolicy;
  /** A password that goes over the wire so that others can read it, as the settings allow. */
  readonly isReadable: boolean;
};

/** The strongest first. */
const securedPolicies = ['Aes256Sha256RsaPss', 'Aes128Sha256RsaOaep', 'Basic256Sha256'] as const;
const securedModes = ['SignAndEncrypt', 'Sign'] as const;
const strongestFirst: readonly OpcuaSecurity[] = securedModes.flatMap((mode) =>
  securedPolicies.map((policy) => ({ policy, mode })),
);

/** The library writes them as the specification's URIs do. */
export const policyUris = {
  None: SecurityPolicy.None,
  Basic256Sha256: SecurityPolicy.Basic256Sha256,
  Aes128Sha256RsaOaep: SecurityPolicy.Aes128_Sha256_RsaOaep,
  Aes256Sha256RsaPss: SecurityPolicy.Aes256_Sha256_RsaPss,
} satisfies Record<OpcuaSecurity['policy'], SecurityPolicy>;

const binaryTransport = 'http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary';

/** Some servers state no transport; one that speaks HTTPS is not for us. */
const isBinary = ({ transportProfileUri }: EndpointDescription): boolean =>
  (transportProfileUri ?? '') === '' || transportProfileUri === binaryTransport;

const provides = ({ securityPolicyUri, securityMode }: EndpointDescription, { policy, mode }: OpcuaSecurity): boolean =>
  securityPolicyUri === policyUris[policy] && securityMode === MessageSecurityMode[mode];

/** @throws FieldlineError device/exception, which says what to change on which side */
export function chooseEndpoint(
  { security, identity }: Pick<EndpointPlan, 'security' | 'identity'>,
  offered: readonly EndpointDescription[],
): Choice {
  const wanted = security === null ? strongestFirst : [security];
  const fitting = wanted.flatMap((each) =>
    offered
      .filter((endpoint) => isBinary(endpoint) && provides(endpoint, each))
      .map((endpoint) => ({ endpoint, security: each })),
  );
  const tried = fitting.map((each) => ({ ...each, found: tokenFor(identity, each.endpoint, each.security) }));
  for (const { endpoint, security: chosen, found } of tried) {
    if ('token' in found) return { endpoint, security: chosen, ...found };
  }
  const [first] = tried;
  const problem =
    first !== undefined && 'problem' in first.found ? first.found.problem : nothingFits(security, offered);
  throw new FieldlineError('device/exception', problem);
}

function nothingFits(security: OpcuaSecurity | null, offered: readonly EndpointDescription[]): string {
  const names = [...new Set(offered.map(securityName))].join(', ') || 'nothing';
  return security === null
    ? `the server offers no security that this agent speaks; it offers ${names}: enable ${securedPolicies.join(', ')} there; or state security: { policy: None, mode: None } (on the command line --security None) to do without`
    : `the server does not offer ${security.policy}/${security.mode}; it offers ${names}: enable it there, or state one of these under security`;
}

/** By which the server proves who it is, DER, its own first; empty where it has none: there the library gives null. */
export const certificatesOf = ({ serverCertificate }: EndpointDescription): Buffer =>
  serverCertificate ?? Buffer.alloc(0);

/** By which its certificate must name the server; of one that is reached through a gateway, that gateway. */
export const serverUriOf = ({ server }: EndpointDescription): string =>
  server.gatewayServerUri || server.applicationUri || '';

/** `Basic256Sha256/SignAndEncrypt`, or what else the server calls it. */
export function securityName({ securityPolicyUri, securityMode }: EndpointDescription): string {
  const known = Object.entries(policyUris).find(([, uri]) => uri === securityPolicyUri);
  return `${known?.[0] ?? policyPart(securityPolicyUri)}/${MessageSecurityMode[securityMode]}`;
}

const policyPart = (uri: string | null): string => uri?.split('#')[1] ?? '';

const tokenTypes = {
  anonymous: UserTokenType.Anonymous,
  password: UserTokenType.UserName,
  certificate: UserTokenType.Certificate,
} satisfies Record<Identity['kind'], UserTokenType>;

/** What a token is encrypted or signed by; Basic256 does both as Basic256Sha256 does, with an older digest. The strongest first. */
const tokenPolicies = [
  SecurityPolicy.Aes256_Sha256_RsaPss,
  SecurityPolicy.Aes128_Sha256_RsaOaep,
  SecurityPolicy.Basic256Sha256,
  SecurityPolicy.Basic256,
  SecurityPolicy.Basic128Rsa15,
  SecurityPolicy.None,
];
/** A password that was encrypted by Basic128Rsa15 can be read by who recorded it and may ask the server often enough. */
const unsafePolicies: readonly string[] = [SecurityPolicy.Basic128Rsa15, SecurityPolicy.None];

type Found = Pick<Choice, 'token' | 'isReadable'> | { readonly problem: string };

function tokenFor(identity: Identity, endpoint: EndpointDescription, security: OpcuaSecurity): Found {
  const all = endpoint.userIdentityTokens ?? [];
  const strength = (token: TokenPolicy): number => tokenPolicies.indexOf(policyOf(token, endpoint));
  const fitting = all
    .filter((token) => token.tokenType === tokenTypes[identity.kind] && strength(token) >= 0)
    .sort((one, other) => strength(one) - strength(other));
  const [token] = fitting;
  if (token === undefined) return { problem: notTaken(identity, all) };
  const policy = policyOf(token, endpoint);
  if (identity.kind === 'certificate' && policy === SecurityPolicy.None) {
    return {
      problem: `over ${security.policy}/${security.mode} a user certificate proves nothing: state other security`,
    };
  }
  const isReadable =
    identity.kind === 'password' && security.mode !== 'SignAndEncrypt' && unsafePolicies.includes(policy);
  if (!isReadable || identity.inClearText) return { token, isReadable };
  const how =
    policy === SecurityPolicy.None ? 'in clear text' : `encrypted by ${policyPart(policy)}, which can be broken`;
  return {
    problem: `over ${security.policy}/${security.mode} the server takes the password only ${how}: offer SignAndEncrypt there; passwordInClearText: true sends it nevertheless, readable for everyone on the network`,
  };
}

/** A token without a policy of its own goes by that of the endpoint (OPC 10000-4 7.42). */
const policyOf = ({ securityPolicyUri }: TokenPolicy, endpoint: EndpointDescription): SecurityPolicy => {
  const uri = (securityPolicyUri ?? '') === '' ? endpoint.securityPolicyUri : securityPolicyUri;
  return tokenPolicies.find((policy) => policy === uri) ?? SecurityPolicy.Invalid;
};

/** `password (Basic256Sha256)`: how a user logs in, and by which policy what he sends is protected, where the server states one. */
export function tokenName({ tokenType, securityPolicyUri }: TokenPolicy): string {
  const known = Object.entries(tokenTypes).find(([, type]) => type === tokenType)?.[0] ?? UserTokenType[tokenType];
  const policy = policyPart(securityPolicyUri);
  return policy === '' || tokenType === UserTokenType.Anonymous ? known : `${known} (${policy})`;
}

const remedies: Readonly<Record<Identity['kind'], string>> = {
  anonymous: 'the server lets no anonymous user in',
  password: 'the server takes no user with a password',
  certificate: 'the server takes no user certificates',
};

function notTaken({ kind }: Identity, tokens: readonly TokenPolicy[]): string {
  const types = new Set(tokens.map(({ tokenType }) => tokenType));
  const settings = [
    types.has(UserTokenType.UserName) && kind !== 'password' ? ['set username and passwordFile'] : [],
    types.has(UserTokenType.Certificate) && kind !== 'certificate' ? ['set userCertificateFile and userKeyFile'] : [],
    types.has(UserTokenType.Anonymous) ? ['leave the user out'] : [],
  ].flat();
  return `${remedies[kind]}: ${[...settings, 'allow it on the server'].join(', or ')}`;
}
