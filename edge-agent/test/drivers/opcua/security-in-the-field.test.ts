import { copyFileSync } from 'node:fs';
import { connect as connectTo, createServer } from 'node:net';
import { describeWith, freePort, temporaryFolder } from '@fieldline/shared/testing';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { discover } from '../../../src/drivers/opcua/session/discover.ts';
import { openOwn, ownFiles } from '../../../src/drivers/opcua/trust/own-certificate.ts';
import { addTrusted, move, readTrustFolder } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { plantNode, tagOf, trouble, useRigs } from './harness.ts';
import { type Made, make } from './made-certificates.ts';
import { asyncua, startAsyncua } from './peers/asyncua.ts';
import { startServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
const ending: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  await Promise.all(ending.splice(0).map((end) => end()));
});

const nodes = [{ namespace: 'urn:plant', name: 'level', dataType: 'Double', value: 0.5 }];
const tags = [tagOf('level')];
let made: Made;
beforeAll(async () => {
  made = await make({ uri: 'urn:plant:server' });
});

async function serverWith(security: { readonly policies: readonly string[]; readonly clients?: string }) {
  const { file: certificate, keyFile: key } = made;
  const applicationUri = 'urn:plant:server';
  const server = await startAsyncua({
    namespaces: ['urn:plant'],
    nodes,
    security: { certificate, key, applicationUri, ...security },
  });
  ending.push(server.kill);
  return server;
}

/** Whoever connects first speaks to one server, the next to the other, and so on in turn. */
async function startSwitch(ports: readonly number[]): Promise<number> {
  const port = await freePort();
  let connections = 0;
  const line = createServer((client) => {
    const server = connectTo(ports[connections++ % ports.length] ?? 0, '127.0.0.1');
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => line.listen(port, '127.0.0.1', resolve));
  ending.push(() => line.close());
  return port;
}

describeWith(asyncua, 'security in the field', () => {
  test('whoever takes the stronger endpoints out of the open answer is found out over the secured line', async () => {
    const real = await serverWith({ policies: ['Basic256Sha256_Sign', 'Aes256Sha256RsaPss_SignAndEncrypt'] });
    const lessThanReal = await serverWith({ policies: ['Basic256Sha256_Sign'] });
    const port = await startSwitch([lessThanReal.port, real.port]);
    const rig = rigFor({ endpoint: `opc.tcp://127.0.0.1:${port}/plant`, tags, security: undefined });
    addTrusted(rig.certificateFolder, made.certificate);
    expect(await trouble(rig, /somebody on the network changes its answers/)).toMatch(
      /^the server offers Aes256Sha256RsaPss\/SignAndEncrypt over the secured line, and Basic256Sha256\/Sign or another/,
    );
    expect(rig.of('level').every(({ value }) => value === null)).toBe(true);
  });

  test('a certificate of ours that has ended by the clock of the server is told with both clocks to compare', async () => {
    const server = await serverWith({ policies: ['Basic256Sha256_Sign'], clients: temporaryFolder() });
    const rig = rigFor({ endpoint: server.endpoint, tags, security: undefined });
    await trouble(rig, /not trusted/);
    const files = ownFiles(rig.certificateFolder);
    const works = await make({ name: 'Works', isAuthority: true });
    const ended = await make({ by: works, uri: 'urn:gateway', isClient: true, fromDays: -9, toDays: -1 });
    copyFileSync(ended.keyFile, files.key);
    copyFileSync(ended.file, files.current);
    expect(await openOwn(rig.certificateFolder, new Date())).toHaveLength(1);
    addTrusted(rig.certificateFolder, made.certificate);
    const text = await trouble(rig, /^to the server our certificate is not valid now: compare its clock with ours, 20/);
    expect(text).toContain(files.current);
  });
});

describe('a server that is node-opcua', () => {
  test('may give itself a name that nobody resolves: the address of the settings is what is connected to', async () => {
    const server = await startServer({ nodes: [plantNode('level', 'Double', 1)], hostname: 'plc.invalid' });
    ending.push(server.kill);
    const asked = { timeoutMs: 10_000, now: new Date(), signal: new AbortController().signal };
    const { endpoints } = await discover(server.endpoint, asked);
    expect(endpoints.map(({ endpointUrl }) => URL.parse(endpointUrl ?? '')?.hostname)).toContain('plc.invalid');
    const rig = rigFor({ endpoint: server.endpoint, tags, security: undefined });
    await trouble(rig, /certificate of the server is not trusted: .*/);
    for (const kept of readTrustFolder(rig.certificateFolder).certificates)
      move(rig.certificateFolder, kept, 'trusted');
    await rig.sees('level', 1);
    expect(rig.driver.note?.()).toContain('Aes256Sha256RsaPss/SignAndEncrypt, the strongest it offers');
  });

  test('that has no session left says so, and is asked again', async () => {
    const server = await startServer({ nodes: [plantNode('level', 'Double', 1)], maxSessions: 1 });
    ending.push(server.kill);
    const first = rigFor({ endpoint: server.endpoint, tags });
    await first.sees('level', 1);
    const second = rigFor({ endpoint: server.endpoint, tags });
    await trouble(second, /^the server has no session left: close others, or raise its limit$/);
    await first.driver.close();
    await second.sees('level', 1);
  });
});
