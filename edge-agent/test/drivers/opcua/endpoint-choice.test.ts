import { describe, expect, test } from 'vitest';
import {
  EndpointDescription,
  MessageSecurityMode,
  SecurityPolicy,
  UserTokenType,
} from '../../../src/drivers/opcua/library.ts';
import type { EndpointPlan, Identity } from '../../../src/drivers/opcua/plan.ts';
import { chooseEndpoint, securityName, tokenName } from '../../../src/drivers/opcua/session/endpoint-choice.ts';

const anonymous: Identity = { kind: 'anonymous' };
const certificate: Identity = { kind: 'certificate', certificateFile: 'c', keyFile: 'k' };
const password = (inClearText: boolean): Identity => ({ kind: 'password', name: 'u', passwordFile: 'p', inClearText });

const types = {
  anonymous: UserTokenType.Anonymous,
  password: UserTokenType.UserName,
  certificate: UserTokenType.Certificate,
};
type Token = readonly [kind: keyof typeof types, policy?: keyof typeof SecurityPolicy];

const endpoint = (
  policy: keyof typeof SecurityPolicy,
  mode: keyof typeof MessageSecurityMode,
  tokens: readonly Token[] = [['anonymous']],
  transportProfileUri = 'http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary',
): EndpointDescription =>
  new EndpointDescription({
    securityPolicyUri: SecurityPolicy[policy],
    securityMode: MessageSecurityMode[mode],
    transportProfileUri,
    userIdentityTokens: tokens.map(([kind, tokenPolicy]) => ({
      tokenType: types[kind],
      policyId: `${kind} ${tokenPolicy}`,
      securityPolicyUri: tokenPolicy === undefined ? null : SecurityPolicy[tokenPolicy],
    })),
  });

const chosen = (
  offered: readonly EndpointDescription[],
  identity: Identity = anonymous,
  security: EndpointPlan['security'] = null,
): string => {
  const choice = chooseEndpoint({ security, identity }, offered);
  return `${securityName(choice.endpoint)} ${tokenName(choice.token)}${choice.isReadable ? ' readable' : ''}`;
};

const none = endpoint('None', 'None');
const all = [
  none,
  endpoint('Basic256Sha256', 'Sign'),
  endpoint('Basic256Sha256', 'SignAndEncrypt'),
  endpoint('Aes256_Sha256_RsaPss', 'Sign'),
  endpoint('Aes128_Sha256_RsaOaep', 'SignAndEncrypt'),
];

describe('where no security is stated', () => {
  test('encryption goes before signatures alone, and then the stronger policy before the weaker', () => {
    expect(chosen(all)).toBe('Aes128Sha256RsaOaep/SignAndEncrypt anonymous');
    expect(chosen([...all, endpoint('Aes256_Sha256_RsaPss', 'SignAndEncrypt')])).toBe(
      'Aes256Sha256RsaPss/SignAndEncrypt anonymous',
    );
    expect(chosen([none, endpoint('Basic256Sha256', 'Sign')])).toBe('Basic256Sha256/Sign anonymous');
  });

  test('None is not taken, nor what is broken or does not come by opc.tcp; the message says what to do', () => {
    const offered = [none, endpoint('Basic256', 'SignAndEncrypt'), endpoint('Basic128Rsa15', 'Sign')];
    expect(() => chosen(offered)).toThrow(
      'the server offers no security that this agent speaks; it offers None/None, Basic256/SignAndEncrypt, Basic128Rsa15/Sign: enable Aes256Sha256RsaPss, Aes128Sha256RsaOaep, Basic256Sha256 there; or state security: { policy: None, mode: None } (on the command line --security None) to do without',
    );
    const overHttps = endpoint('Basic256Sha256', 'SignAndEncrypt', [['anonymous']], 'https://example.org/https-binary');
    expect(() => chosen([overHttps])).toThrow('offers no security');
    expect(() => chosen([])).toThrow('it offers nothing');
  });

  test('the strongest is taken of those that let this kind of user in', () => {
    const offered = [
      endpoint('Aes256_Sha256_RsaPss', 'SignAndEncrypt', [['certificate']]),
      endpoint('Basic256Sha256', 'SignAndEncrypt', [['password']]),
    ];
    expect(chosen(offered, password(false))).toBe('Basic256Sha256/SignAndEncrypt password');
    expect(chosen(offered, certificate)).toBe('Aes256Sha256RsaPss/SignAndEncrypt certificate');
    expect(() => chosen(offered)).toThrow(
      'the server lets no anonymous user in: set userCertificateFile and userKeyFile, or allow it on the server',
    );
  });
});

describe('where security is stated', () => {
  test('exactly that is taken', () => {
    expect(chosen(all, anonymous, { policy: 'Basic256Sha256', mode: 'Sign' })).toBe('Basic256Sha256/Sign anonymous');
    expect(chosen(all, anonymous, { policy: 'None', mode: 'None' })).toBe('None/None anonymous');
    expect(() => chosen(all, anonymous, { policy: 'Aes128Sha256RsaOaep', mode: 'Sign' })).toThrow(
      /^the server does not offer Aes128Sha256RsaOaep\/Sign; it offers None\/None, /,
    );
  });
});

describe('a password', () => {
  const over = (policy: 'None' | 'Basic256Sha256', mode: 'None' | 'Sign' | 'SignAndEncrypt', ...tokens: Token[]) =>
    ({ offered: [endpoint(policy, mode, tokens)], security: { policy, mode } }) as const;

  test.each([
    [over('None', 'None', ['password'])],
    [over('None', 'None', ['password', 'None'])],
    [over('Basic256Sha256', 'Sign', ['password', 'None'])],
  ])('that would travel in clear text is not sent unless the settings say so: %#', ({ offered, security }) => {
    expect(() => chosen(offered, password(false), security)).toThrow(
      /takes the password only in clear text: offer SignAndEncrypt there; passwordInClearText: true sends it/,
    );
    expect(chosen(offered, password(true), security)).toMatch(/ readable$/);
  });

  test('by Basic128Rsa15 is sent within an encrypted connection only', () => {
    const open = over('None', 'None', ['password', 'Basic128Rsa15']);
    expect(() => chosen(open.offered, password(false), open.security)).toThrow(
      'only encrypted by Basic128Rsa15, which can be broken',
    );
    const encrypted = over('Basic256Sha256', 'SignAndEncrypt', ['password', 'Basic128Rsa15']);
    expect(chosen(encrypted.offered, password(false), encrypted.security)).toMatch(/password \(Basic128Rsa15\)$/);
  });

  test('is encrypted by the strongest that the server states', () => {
    const { offered, security } = over(
      'None',
      'None',
      ['password', 'None'],
      ['password', 'Basic128Rsa15'],
      ['password', 'Basic256Sha256'],
      ['password', 'Aes256_Sha256_RsaPss'],
      ['anonymous'],
    );
    expect(chosen(offered, password(false), security)).toBe('None/None password (Aes256_Sha256_RsaPss)');
  });
});

test('a user certificate proves nothing where nothing is signed', () => {
  const open = endpoint('None', 'None', [['certificate']]);
  expect(() => chosen([open], certificate, { policy: 'None', mode: 'None' })).toThrow(
    'over None/None a user certificate proves nothing: state other security',
  );
});
