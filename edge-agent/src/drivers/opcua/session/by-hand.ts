/**
 * One session for a technician's commands, opened as the agent opens its own: the same security, trust and user. It is tried once, and
 * what is wrong is told in the words of the agent.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpcuaDevice } from '@fieldline/shared/config';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { redirectLibraryMessages, type Session } from '../library.ts';
import { planEndpoints } from '../plan.ts';
import { explainFailure } from '../trouble.ts';
import { createCertificateStore } from '../trust/certificates.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';
import { openSession } from './session.ts';

export type HandSession = { readonly session: Session; readonly facts: ServerFacts };

/**
 * `certificateFolder`: null for one that is gone afterwards.
 * @throws FieldlineError device/… where the server cannot be reached, does not let us in, or fails at the work
 */
export async function withSession<Result>(
  device: OpcuaDevice,
  certificateFolder: string | null,
  signal: AbortSignal,
  work: (opened: HandSession) => Promise<Result>,
): Promise<Result> {
  redirectLibraryMessages(() => {});
  const folder = certificateFolder ?? mkdtempSync(join(tmpdir(), 'fieldline-edge-'));
  const certificates = createCertificateStore(folder, systemClock.now, silentLog);
  const [plan] = planEndpoints([device]);
  if (plan === undefined) throw new Error('a device has an endpoint');
  try {
    const { session, lost, close } = await openSession(plan, certificates, null, signal);
    try {
      return await Promise.race([lost, work({ session, facts: await readServerFacts(session) })]);
    } finally {
      await close();
    }
  } catch (error) {
    throw explainFailure(error, plan, certificates.ownFile);
  } finally {
    if (certificateFolder === null) rmSync(folder, { recursive: true, force: true });
  }
}
