import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateSchema } from '@fieldline/shared/contracts';
import { describeWith, freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { makeAuthority } from '../helpers/certificates.ts';
import { closing } from '../helpers/closing.ts';
import { startFakeCloud, storedValues } from '../helpers/fake-cloud.ts';
import { listeningLog } from '../helpers/listening-log.ts';

/** A broker that wants a certificate and takes its common name as the user. */
async function startStrictBroker(folder: string) {
  const authority = makeAuthority(folder);
  const { file, issueBroker, issueGateway } = authority;
  issueBroker('broker');
  issueGateway('gateway', 'certificate-1');
  const port = await freePort();
  const broker = closing(
    await mosquitto.start({
      conf: [
        `listener ${port} 127.0.0.1`,
        `cafile ${file('ca.pem')}`,
        `certfile ${file('broker.pem')}`,
        `keyfile ${file('broker.key')}`,
        'require_certificate true',
        'use_identity_as_username true',
      ],
    }),
  );
  const tls = { caFile: file('ca.pem'), certFile: file('gateway.pem'), keyFile: file('gateway.key') };
  return { ...authority, broker, port, url: `mqtts://127.0.0.1:${port}`, tls };
}

describeWith(mosquitto, 'an uplink whose files change while a session is up', () => {
  it('takes up the new certificate without a restart, and loses nothing', async () => {
    const folder = temporaryFolder();
    const { broker, url, tls, issueGateway, replace } = await startStrictBroker(folder);
    const cloud = closing(await startFakeCloud(broker.url));
    const { lines, log } = listeningLog();
    const config = edgeConfig(url, { uplink: { tls, renewWithinMs: 500 } });
    const agent = closing(await startTestAgent(folder, config, log));
    const connects = (): number => lines.filter(({ mqtt }) => mqtt !== undefined).length;
    let sent = 0;
    const sending = setInterval(() => agent.emit(numbers(sent, ++sent)), 20);
    try {
      await waitFor(() => storedValues(cloud).length > 5);
      expect(broker.log()).toMatch(/u'certificate-1'/);
      issueGateway('next', 'certificate-2');
      replace('next.pem', 'gateway.pem');
      replace('next.key', 'gateway.key');
      await waitFor(() => /u'certificate-2'/.test(broker.log()), { what: 'a session with the new certificate' });
      const before = storedValues(cloud).length;
      await waitFor(() => storedValues(cloud).length > before + 5);
    } finally {
      clearInterval(sending);
    }
    await waitFor(() => storedValues(cloud).length === sent);
    expect(storedValues(cloud)).toEqual(numbers(0, sent));
    expect(await agent.metric('fieldline_uplink_renewals_total')).toBe(1);
    expect(connects()).toBe(2);
    expect(lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    // It took leave: nobody was told that the gateway is lost.
    expect(cloud.states.map((state) => stateSchema.parse(state).reason)).not.toContain('lost');
    expect(lines.find(({ afterMs }) => afterMs !== undefined)?.afterMs).toBeLessThanOrEqual(500);
  });

  it('keeps the session while certificate and key do not belong together, and says so', async () => {
    const folder = temporaryFolder();
    const { broker, url, tls, issueGateway, replace } = await startStrictBroker(folder);
    const cloud = closing(await startFakeCloud(broker.url));
    const { lines, log } = listeningLog();
    const config = edgeConfig(url, { uplink: { tls, renewWithinMs: 0 } });
    const agent = closing(await startTestAgent(folder, config, log));
    await waitFor(() => cloud.states.length > 0);
    issueGateway('next', 'certificate-2');
    replace('next.pem', 'gateway.pem');
    await waitFor(() => agent.notes().uplink?.includes('cannot be used'));
    agent.emit(numbers(0, 3));
    await waitFor(() => storedValues(cloud).length === 3);
    expect(lines.filter(({ level }) => level === 'error').map(({ msg }) => msg)).toEqual([
      expect.stringContaining('uplink.tls.certFile and keyFile must belong together'),
    ]);
    expect(lines.filter(({ mqtt }) => mqtt !== undefined)).toHaveLength(1);
    replace('next.key', 'gateway.key');
    await waitFor(() => /u'certificate-2'/.test(broker.log()), { what: 'a session with the new certificate' });
    await waitFor(() => agent.notes().uplink?.includes('cannot be used') === false);
  });

  it('trusts a new authority of the broker once its file is there', async () => {
    const folder = temporaryFolder();
    const { file, issueBroker } = makeAuthority(folder, 'ca');
    issueBroker('broker');
    const other = makeAuthority(folder, 'other');
    other.issueBroker('moved');
    const port = await freePort();
    const conf = (name: string): string[] => [
      `listener ${port} 127.0.0.1`,
      `certfile ${file(`${name}.pem`)}`,
      `keyfile ${file(`${name}.key`)}`,
    ];
    const before = await mosquitto.start({ conf: conf('broker') });
    closing(before);
    const { lines, log } = listeningLog();
    const uplink = { tls: { caFile: file('ca.pem') } };
    const agent = closing(await startTestAgent(folder, edgeConfig(`mqtts://127.0.0.1:${port}`, { uplink }), log));
    await waitFor(() => lines.some(({ mqtt }) => mqtt !== undefined));
    await before.close();
    const after = closing(await mosquitto.start({ conf: conf('moved') }));
    await waitFor(() => agent.troubles().uplink?.includes('check uplink.tls and the certificate of the broker'));
    other.replace('other.pem', 'ca.pem');
    const cloud = closing(await startFakeCloud(after.url));
    await waitFor(() => cloud.states.some((state) => stateSchema.parse(state).online));
  });

  it('takes up a new password', async () => {
    const folder = temporaryFolder();
    const users = join(folder, 'users');
    writeFileSync(users, '');
    const setPassword = (user: string, password: string): void =>
      void execFileSync('mosquitto_passwd', ['-b', users, user, password]);
    setPassword('agent', 'first');
    const broker = closing(
      await mosquitto.start({ conf: ['allow_anonymous false', `password_file ${users}`, 'log_type all'] }),
    );
    writeFileSync(join(folder, 'password'), 'first\n');
    const { lines, log } = listeningLog();
    const uplink = { username: 'agent', passwordFile: 'password', renewWithinMs: 0 };
    const agent = closing(await startTestAgent(folder, edgeConfig(broker.url, { uplink }), log));
    await waitFor(() => lines.some(({ mqtt }) => mqtt !== undefined));
    setPassword('agent', 'second');
    // Mosquitto reads it anew on SIGHUP, and ends the sessions of those whose password is no longer right.
    broker.reload();
    writeFileSync(join(folder, 'password'), 'second\n');
    await waitFor(() => lines.filter(({ mqtt }) => mqtt !== undefined).length >= 2);
    await waitFor(() => agent.troubles().uplink === undefined);
  });
});
