/** What a Node process uses once its garbage is collected, asked for through its inspector: the program itself is as it is. */
import { z } from 'zod';

const targets = z.array(z.object({ webSocketDebuggerUrl: z.string() }));
const answerSchema = z.object({
  id: z.int(),
  result: z.object({ result: z.object({ value: z.number() }).optional() }).loose(),
});

const usedBytes = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';

/** Of a process with `--inspect` at this port, bytes of the heap and of buffers. */
export async function usedAfterCollection(inspectorPort: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${inspectorPort}/json/list`);
  const [target] = targets.parse(await response.json());
  if (target === undefined) throw new Error('the agent has no inspector');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error('the inspector of the agent takes nobody')), {
        once: true,
      });
    });
    await ask(socket, 1, 'HeapProfiler.collectGarbage', {});
    const { result } = await ask(socket, 2, 'Runtime.evaluate', { expression: usedBytes, returnByValue: true });
    return result?.value ?? Number.NaN;
  } finally {
    socket.close();
  }
}

function ask(socket: WebSocket, id: number, method: string, params: object) {
  return new Promise<z.infer<typeof answerSchema>['result']>((resolve) => {
    const onMessage = ({ data }: MessageEvent): void => {
      const answer = answerSchema.safeParse(JSON.parse(String(data)));
      if (!answer.success || answer.data.id !== id) return;
      socket.removeEventListener('message', onMessage);
      resolve(answer.data.result);
    };
    socket.addEventListener('message', onMessage);
    socket.send(JSON.stringify({ id, method, params }));
  });
}
