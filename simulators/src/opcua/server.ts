/**
 * A plant's OPC UA server. It offers every security policy from None to Aes256_Sha256_RsaPss, makes its own certificate,
 * and trusts every client: it stands for devices on a test bench, not for the security of a plant.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ServerOf } from '@fieldline/shared/config';
import { listenError, readSecret } from '@fieldline/shared/runtime';
import type { OPCUAServer, StatusCode } from 'node-opcua';
import type { FaultKind } from '../faults.ts';
import { createOutage } from '../outage.ts';
import { nodePoints } from '../points.ts';
import type { ServerContext, SimulatedServer } from '../server.ts';
import { addNodes, type ServedNodes, statusNamed } from './nodes.ts';

const serverKinds: readonly FaultKind[] = ['refuse', 'restart'];
const nodeKinds: readonly FaultKind[] = ['bad'];

/** @throws FieldlineError port/in-use, settings/unreadable (a password file) */
export async function startOpcua(
  settings: ServerOf<'opcua'>,
  context: ServerContext & { readonly certificateFolder: string | undefined },
): Promise<SimulatedServer> {
  const { place, log } = context;
  const name = place.server;
  const points = nodePoints(settings.nodes, place);
  const passwords = new Map(
    settings.users.map(({ username, passwordFile }) => [
      username,
      readSecret(resolve(place.baseFolder, passwordFile), `password of ${username}`),
    ]),
  );
  const folder = context.certificateFolder ?? mkdtempSync(join(tmpdir(), 'fieldline-sim-'));
  const opcua = await import('node-opcua');
  const badNodes = new Map<string, StatusCode>();
  let port = settings.port;
  let running: { server: OPCUAServer; nodes: ServedNodes } | null = null;

  const up = async (): Promise<void> => {
    const server = await createServer(opcua, { ...settings, port }, passwords, folder);
    let nodes: ServedNodes | undefined;
    try {
      nodes = addNodes(opcua, server, { ...context, settings, points, badNodes });
      await server.start();
    } catch (error) {
      nodes?.stop();
      await server.shutdown(0).catch(() => {});
      throw listenError(error as NodeJS.ErrnoException, settings.host, port);
    }
    port = server.endpoints[0]?.port ?? port;
    running = { server, nodes };
  };
  const down = async (): Promise<void> => {
    const closing = running;
    running = null;
    closing?.nodes.stop();
    await closing?.server.shutdown(0);
  };
  const removeFolder = (): void => {
    if (context.certificateFolder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await up();
  } catch (error) {
    removeFolder();
    throw error;
  }
  const outage = createOutage(name, { up, down }, log);
  return {
    name,
    address: {
      name,
      protocol: 'opcua',
      host: settings.host,
      port,
      url: `opc.tcp://${announcedHost(settings.host)}:${port}${settings.path}`,
    },
    parts: settings.nodes.map((node) => node.name),
    serverFaults: serverKinds,
    partFaults: nodeKinds,
    setFault: async (part, fault) => {
      if (part === null) {
        if (fault === null || fault.kind === 'refuse' || fault.kind === 'restart') await outage.set(fault);
      } else {
        if (fault === null) badNodes.delete(part);
        else if (fault.kind === 'bad') badNodes.set(part, statusNamed(opcua, fault.status));
        running?.nodes.refresh(part);
      }
    },
    standingFaults: () => {
      const standing = outage.standing();
      const bad = [...badNodes].map(([part, status]) => ({
        part,
        fault: { kind: 'bad' as const, status: status.name },
      }));
      return [...bad, ...(standing === null ? [] : [{ part: null, fault: standing }])];
    },
    close: async () => {
      await outage.close();
      removeFolder();
    },
  };
}

/** A server names itself in its endpoints, so a server on every interface needs a name that others can resolve. */
function announcedHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}

type Library = typeof import('node-opcua');

async function createServer(
  opcua: Library,
  { host, port, path, users, name }: ServerOf<'opcua'>,
  passwords: ReadonlyMap<string, string>,
  folder: string,
): Promise<OPCUAServer> {
  const manager = (part: string): InstanceType<Library['OPCUACertificateManager']> =>
    new opcua.OPCUACertificateManager({
      rootFolder: join(folder, name, part),
      automaticallyAcceptUnknownCertificate: true,
    });
  const serverCertificateManager = manager('server');
  const userCertificateManager = manager('users');
  await Promise.all([serverCertificateManager.initialize(), userCertificateManager.initialize()]);
  const { None, Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss } = opcua.SecurityPolicy;
  const server = new opcua.OPCUAServer({
    host,
    hostname: announcedHost(host),
    port,
    resourcePath: path,
    securityPolicies: [None, Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss],
    securityModes: [
      opcua.MessageSecurityMode.None,
      opcua.MessageSecurityMode.Sign,
      opcua.MessageSecurityMode.SignAndEncrypt,
    ],
    allowAnonymous: users.length === 0,
    userManager: { isValidUser: (username: string, password: string) => passwords.get(username) === password },
    serverCertificateManager,
    userCertificateManager,
    nodeset_filename: [opcua.nodesets.standard],
    registerServerMethod: opcua.RegisterServerMethod.HIDDEN,
    buildInfo: { productName: 'Fieldline simulator', productUri: 'urn:fieldline:simulator', manufacturerName: name },
  });
  await server.initialize();
  return server;
}
