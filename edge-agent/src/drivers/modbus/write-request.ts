/** Requests that write, in the functions of Application Protocol v1.1b3 6.5, 6.6, 6.11, 6.12, 6.16 and 6.17. */
import type { WriteFunction } from '@fieldline/shared/config';
import type modbusSerial from 'modbus-serial';

export type WriteRequest = {
  readonly unit: number;
  readonly timeoutMs: number;
  readonly write: RegisterWrite;
};

export type RegisterWrite =
  | { readonly code: Extract<WriteFunction, 5 | 15>; readonly first: number; readonly isOn: boolean }
  | { readonly code: Extract<WriteFunction, 6 | 16 | 23>; readonly first: number; readonly words: readonly number[] }
  /** The bits of `mask` become those of `word`. */
  | { readonly code: 22; readonly first: number; readonly mask: number; readonly word: number };

/** `isEcho`: the device repeats what it was told, as it must. */
type Answered = (error: Error | null, isEcho: boolean) => void;

export function sendWrite(
  client: InstanceType<typeof modbusSerial.default>,
  { unit, write }: WriteRequest,
  answered: Answered,
): void {
  const { first } = write;
  switch (write.code) {
    case 5:
      client.writeFC5(unit, first, write.isOn, (error, echo) =>
        answered(error, echo?.address === first && echo.state === write.isOn),
      );
      break;
    case 15:
      client.writeFC15(unit, first, [write.isOn], (error, echo) =>
        answered(error, echo?.address === first && echo.length === 1),
      );
      break;
    case 22: {
      const [keep, set] = [~write.mask & 0xffff, write.word & write.mask];
      client.writeFC22(unit, first, keep, set, (error, echo) =>
        answered(error, echo?.address === first && echo.andMask === keep && echo.orMask === set),
      );
      break;
    }
    default:
      sendWords(client, unit, { ...write, words: [...write.words] }, answered);
  }
}

function sendWords(
  client: InstanceType<typeof modbusSerial.default>,
  unit: number,
  { code, first, words }: { readonly code: 6 | 16 | 23; readonly first: number; readonly words: number[] },
  answered: Answered,
): void {
  if (code === 6) {
    client.writeFC6(unit, first, words[0] ?? 0, (error, echo) =>
      answered(error, echo?.address === first && echo.value === words[0]),
    );
  } else if (code === 16) {
    client.writeFC16(unit, first, words, (error, echo) =>
      answered(error, echo?.address === first && echo.length === words.length),
    );
  } else {
    // It repeats nothing: what it holds then is read back like that of any other function.
    client.writeFC23(unit, first, words.length, first, words.length, words, (error, read) =>
      answered(error, read?.data.length === words.length),
    );
  }
}

/** Of request and reply together, with unit id, function code and checksum. */
export function writeFrameBytes({ write }: WriteRequest): number {
  switch (write.code) {
    case 5:
    case 6:
      return 8 + 8;
    case 15:
      return 10 + 8;
    case 16:
      return 9 + 2 * write.words.length + 8;
    case 22:
      return 10 + 10;
    case 23:
      return 13 + 2 * write.words.length + 5 + 2 * write.words.length;
  }
}
