/**
 * Faults on command. A fault stands until it is cleared, has hit `times` requests, or (a restart) is over. What a fault of
 * one unit or node says goes before what its server's says.
 */
import { describePayload, FieldlineError } from '@fieldline/shared/contracts';
import { z } from 'zod';

const times = z.int().positive().optional().describe('goes away after so many requests');

export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('no-answer'), times }),
  z.strictObject({
    kind: z.literal('exception'),
    code: z.int().min(1).max(255).default(4).describe('Modbus exception code: 4 device failure, 6 busy'),
    times,
  }),
  z.strictObject({ kind: z.literal('delay'), delayMs: z.int().positive().max(600_000), times }),
  z.strictObject({ kind: z.literal('disconnect'), times }).describe('the connection is closed in place of an answer'),
  z
    .strictObject({ kind: z.literal('ignore-writes'), times })
    .describe('writes are answered as if they were carried out, and are not'),
  z
    .strictObject({ kind: z.literal('mute-writes'), times })
    .describe('writes are carried out and not answered; reads are'),
  z.strictObject({ kind: z.literal('refuse') }).describe('not listening, all connections closed'),
  z
    .strictObject({ kind: z.literal('restart'), forMs: z.int().positive().max(600_000).default(1_000) })
    .describe('as refuse, for a time; what was written is forgotten'),
  z
    .strictObject({
      kind: z.literal('bad'),
      status: z.string().min(1).default('BadSensorFailure').describe('name of the OPC UA status code'),
    })
    .describe('the node has no value but this status'),
]);
export type Fault = z.infer<typeof faultSchema>;
export type FaultKind = Fault['kind'];

/** Faults that hit single requests, and those that take a whole server away. */
export type RequestFault = Extract<
  Fault,
  { kind: 'no-answer' | 'exception' | 'delay' | 'disconnect' | 'ignore-writes' | 'mute-writes' }
>;
export type OutageFault = Extract<Fault, { kind: 'refuse' | 'restart' }>;

/** Which server, and which of its units or nodes; without a part the whole server. */
export type FaultTarget = { readonly server: string; readonly part?: string | undefined };
export type StandingFault = FaultTarget & { readonly fault: Fault };

/** What a server must offer for faults to be set on it. */
export interface Faultable {
  readonly name: string;
  /** Names of its units or nodes. */
  readonly parts: readonly string[];
  readonly serverFaults: readonly FaultKind[];
  readonly partFaults: readonly FaultKind[];
  /** Resolves when the fault is in force; null clears it. Targets and kinds have been checked. */
  setFault(part: string | null, fault: Fault | null): Promise<void>;
  standingFaults(): readonly { readonly part: string | null; readonly fault: Fault }[];
}

export type Faults = {
  /** @throws FieldlineError settings/invalid for a target or a fault that there is not */
  readonly set: (target: FaultTarget, fault: z.input<typeof faultSchema>) => Promise<void>;
  /** Without a target: all. */
  readonly clear: (target?: FaultTarget) => Promise<void>;
  readonly list: () => StandingFault[];
};

export function createFaults(servers: readonly Faultable[]): Faults {
  const find = ({ server: name, part }: FaultTarget): Faultable => {
    const server = servers.find((one) => one.name === name);
    if (server === undefined)
      throw unknown(
        'server',
        name,
        servers.map((one) => one.name),
      );
    if (part !== undefined && !server.parts.includes(part)) throw unknown(`part of ${name}`, part, server.parts);
    return server;
  };
  const list = (): StandingFault[] =>
    servers.flatMap((server) =>
      server.standingFaults().map(({ part, fault }) => ({
        server: server.name,
        ...(part === null ? {} : { part }),
        fault,
      })),
    );
  const clearOne = (target: FaultTarget): Promise<void> => find(target).setFault(target.part ?? null, null);
  return {
    set: async (target, input) => {
      const server = find(target);
      const fault = parseFault(input);
      const allowed = target.part === undefined ? server.serverFaults : server.partFaults;
      if (!allowed.includes(fault.kind)) {
        const what = target.part === undefined ? 'the server' : 'one part of the server';
        throw invalid(`${fault.kind} is no fault of ${what} ${server.name}; there are ${allowed.join(', ')}`);
      }
      await server.setFault(target.part ?? null, fault);
    },
    clear: async (target) => {
      for (const one of target === undefined ? list() : [target]) await clearOne(one);
    },
    list,
  };
}

/** @throws FieldlineError settings/invalid */
export function parseFault(input: unknown): Fault {
  const result = faultSchema.safeParse(input);
  if (!result.success) throw invalid(`not a fault: ${describePayload(result.error, input, faultSchema)}`);
  return result.data;
}

const invalid = (message: string): FieldlineError => new FieldlineError('settings/invalid', message);

const unknown = (what: string, name: string, known: readonly string[]): FieldlineError =>
  invalid(`no ${what} is named ${name}; there ${known.length === 1 ? 'is' : 'are'} ${known.slice(0, 20).join(', ')}`);
