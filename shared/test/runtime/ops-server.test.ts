import { createHealth, createMetrics, type Download, Lifecycle, startOpsServer } from '@fieldline/shared/runtime';
import { afterEach, describe, expect, it } from 'vitest';

const lifecycle: Lifecycle[] = [];
afterEach(async () => {
  await Promise.all(lifecycle.splice(0).map((one) => one.close()));
});

async function start(downloads: readonly Download[] = []) {
  const metrics = createMetrics();
  const health = createHealth();
  const server = await startOpsServer({ host: '127.0.0.1', port: 0 }, metrics, health, downloads);
  const closer = new Lifecycle();
  closer.add('server', server.close);
  lifecycle.push(closer);
  return { metrics, health, port: server.port, get: (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`) };
}

describe('the server for those who watch a program', () => {
  it('shows counters in the Prometheus text format', async () => {
    const { metrics, get } = await start();
    metrics.counter('fieldline_test_things_total', 'Things', ['kind']).inc({ kind: 'a' }, 3);
    const text = await (await get('/metrics')).text();
    expect(text).toContain('fieldline_test_things_total{kind="a"} 3');
    expect(text).toContain('process_resident_memory_bytes');
  });

  it('is ready only when every part is, and says what is wrong', async () => {
    const { health, get } = await start();
    let trouble: string | null = null;
    health.ready.push({ name: 'broker', trouble: () => trouble });
    expect((await get('/health/ready')).status).toBe(200);
    trouble = 'no connection to mqtt://broker:1883';
    const answer = await get('/health/ready');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ok: false, troubles: { broker: trouble } });
    expect((await get('/health/live')).status).toBe(200);
  });

  it('says what is good to know, and is ready all the same', async () => {
    const { health, get } = await start();
    health.ready.push({ name: 'uplink', trouble: () => null, note: () => 'connected to mqtt://broker:1883, 2 of 2' });
    const answer = await get('/health/ready');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      ok: true,
      troubles: {},
      notes: { uplink: 'connected to mqtt://broker:1883, 2 of 2' },
    });
  });

  it('says what is here where nothing is', async () => {
    const { get } = await start();
    const answer = await get('/');
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('/metrics');
  });

  it('gives the files of a program, made when asked for', async () => {
    let made = 0;
    const content = (query: URLSearchParams): Buffer => Buffer.from(`${++made} ${query.get('of')}`);
    const { get } = await start([{ path: '/things.bin', type: 'application/x-things', content }]);
    await get('/metrics');
    const answer = await get('/things.bin?of=a%20b');
    expect(answer.headers.get('content-type')).toBe('application/x-things');
    expect(await answer.text()).toBe('1 a b');
    expect(await (await get('/')).text()).toContain('/things.bin');
  });

  it('says why there is no such file', async () => {
    const content = (): string => 'no thing is called x: there are a and b';
    const { get } = await start([{ path: '/things.bin', type: 'application/x-things', content }]);
    const answer = await get('/things.bin?of=x');
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('no thing is called x: there are a and b\n');
  });

  it('says which port is taken and what to do', async () => {
    const { port } = await start();
    await expect(startOpsServer({ host: '127.0.0.1', port }, createMetrics(), createHealth())).rejects.toMatchObject({
      code: 'port/in-use',
      message: expect.stringContaining(`port ${port} on 127.0.0.1 is in use`),
    });
  });
});
