import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFixture, type Fixture, startTestApi, type TestApi } from './fixture.ts';

const token = 'correct-horse-battery-staple';
let fixture: Fixture;
let api: TestApi;
let tokenFile: string;
beforeAll(async () => {
  fixture = await createFixture();
  tokenFile = join(temporaryFolder(), 'token');
  writeFileSync(tokenFile, `${token}\n`);
  api = await startTestApi(fixture.url, { tokenFile });
});
afterAll(async () => {
  await api?.close();
  await fixture?.close();
});

const bearer = (value: string): RequestInit => ({ headers: { authorization: `Bearer ${value}` } });
const html = { headers: { accept: 'text/html' } };

test('without the token nothing is told, and the answer says how to send it', async () => {
  for (const path of ['/api/v1/gateways', '/api/v1/live', '/api/openapi.json', '/main.js', '/nothing']) {
    const { status, headers, body } = await api.get(path);
    expect(status, path).toBe(401);
    expect(headers.get('www-authenticate')).toContain('Bearer');
    expect(body).toMatchObject({ code: 'request/token', detail: expect.stringContaining('Authorization: Bearer') });
  }
});

test('the right token opens, another does not', async () => {
  expect((await api.get('/api/v1/gateways', bearer(token))).status).toBe(200);
  for (const wrong of [`${token}x`, token.slice(0, -1), token.toUpperCase(), '']) {
    expect((await api.get('/api/v1/gateways', bearer(wrong))).status).toBe(401);
  }
});

test('a browser is sent to the login form, whose token becomes a cookie that is not the token', async () => {
  const away = await api.get('/', html);
  expect(away.status).toBe(303);
  expect(away.headers.get('location')).toBe('/login.html');
  expect((await api.get('/login.html', html)).body).toContain('name="token"');
  expect((await api.get('/styles/base.css')).status).toBe(200);

  const form = (value: string): RequestInit => ({ method: 'POST', body: new URLSearchParams({ token: value }) });
  const refused = await api.get('/login', form('wrong'));
  expect(refused.headers.get('location')).toBe('/login.html#wrong');
  expect(refused.headers.get('set-cookie')).toBeNull();

  const { status, headers } = await api.get('/login', form(token));
  expect(status).toBe(303);
  const setCookie = headers.get('set-cookie') ?? '';
  expect(setCookie).toContain('HttpOnly');
  expect(setCookie).toContain('SameSite=Strict');
  expect(setCookie).not.toContain(token);
  const cookie = setCookie.split(';')[0] ?? '';
  expect((await api.get('/api/v1/gateways', { headers: { cookie } })).status).toBe(200);
  expect((await api.get('/', { headers: { cookie, accept: 'text/html' } })).body).toContain('<title>Fieldline</title>');
  expect((await api.get('/api/v1/gateways', { headers: { cookie: `${cookie}0` } })).status).toBe(401);
});

test('?token= opens the page once and leaves the address', async () => {
  const { status, headers } = await api.get(`/?token=${token}`, html);
  expect([status, headers.get('location')]).toEqual([303, '/']);
  expect(headers.get('set-cookie')).toContain('fieldline=');
  expect((await api.get('/?token=wrong', html)).headers.get('set-cookie')).toBeNull();
  expect((await api.get(`/api/v1/gateways?token=${token}`)).status).toBe(401);
});

test('a token that is too short is refused when the API starts', async () => {
  const short = join(temporaryFolder(), 'token');
  writeFileSync(short, 'secret\n');
  await expect(startTestApi(fixture.url, { tokenFile: short })).rejects.toMatchObject({
    code: 'settings/invalid',
    message: expect.stringContaining('at least 16'),
  });
  await expect(startTestApi(fixture.url, { tokenFile: join(short, 'none') })).rejects.toMatchObject({
    code: 'settings/unreadable',
  });
});

test('without a token only requests that name this machine are answered', async () => {
  const open = await startTestApi(fixture.url);
  const statusAs = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(open.url);
      request({ port, path: '/api/v1/gateways', headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
  try {
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:8080']) expect(await statusAs(host)).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example']) {
      expect(await statusAs(host)).toBe(421);
    }
  } finally {
    await open.close();
  }
});
