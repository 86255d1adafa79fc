/** What the gateway was told and what became of it, as a series of its own that goes the way of every sample. */
import { commandsTag, ownDevice } from '@fieldline/shared/config/commands';
import {
  type AnswerMessage,
  type BirthMessage,
  type CommandMessage,
  GOOD,
  type Sample,
  type Tag,
} from '@fieldline/shared/contracts';

export const auditTag: Tag = { device: ownDevice, tag: commandsTag, type: 'string' };

/** One JSON text per command: its answer, and what was asked for. */
export function auditSample(command: CommandMessage, answer: AnswerMessage): Sample {
  const { id, device, tag, value, expected, expires, by } = command;
  const { outcome, reason, message, before, written, after } = answer;
  const text = JSON.stringify({
    ...{ id, device, tag, value, expected, expires, by },
    ...{ outcome, reason, message, before, written, after },
  });
  return { tag: auditTag, time: answer.at, value: text, quality: GOOD };
}

/** Stands in the births of the gateway beside its devices. */
export const auditBirth: BirthMessage['devices'][number] = {
  device: ownDevice,
  protocol: 'fieldline',
  tags: [{ tag: commandsTag, type: 'string', description: 'commands and what became of them, as JSON' }],
};
