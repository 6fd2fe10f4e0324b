import t from 'tap';
import { sessionCookieOf } from '../../server/http/session-cookie.ts';
import { browser, PASSWORD } from '../support/browser.ts';
import { run } from '../support/running.ts';

t.test('the cookie is bound to this host and to TLS, but where there can be none', async (t) => {
  const bound = ['https://a.example', 'http://localhost:3000', 'http://127.0.0.1:1', 'http://[::1]:1'];
  for (const url of bound) t.strictSame(sessionCookieOf(url), { name: '__Host-kezheng', secure: true }, url);
  for (const url of ['http://a.example', 'http://localhost.evil.example', 'http://10.0.0.1:3000'])
    t.strictSame(sessionCookieOf(url), { name: 'kezheng', secure: false }, url);
});

t.test('over plain http people sign in under a name that promises nothing', async (t) => {
  const service = await run({ KEZHENG_PUBLIC_URL: 'http://plain.example' });
  t.teardown(() => service.stop());
  const own = browser(service);
  const headers = { origin: 'http://plain.example' };
  const json = { login: 'plain-1', name: 'x', password: PASSWORD };
  // With port 0 the service is where the system put it, whatever the setting says.
  const here = { origin: new URL(service.url).origin };
  const answer = await own.call('/v1/organizations', { json, headers: here });
  t.equal(answer.status, 201);
  t.match(
    answer.headers.getSetCookie()[0],
    /^kezheng=[A-Za-z0-9_-]{43}; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
  );
  t.match(
    answer.headers.getSetCookie()[1],
    /^kezheng-device=[A-Za-z0-9_-]{94}; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  t.equal((await own.json('/v1/account/sessions', { method: 'DELETE', headers })).code, 'forged-request');
});

t.test('a cookie of another name, or beside others, is read as what it is', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const own = browser(service);
  const json = { login: 'beside-1', name: 'x', password: PASSWORD };
  await own.call('/v1/organizations', { json });
  const { cookie } = own;
  own.cookie = `theme=dark; ${cookie}; other=%E0%A4%A`;
  t.equal((await own.call('/v1/session')).status, 200);
  own.cookie = cookie!.replace('__Host-', '');
  t.equal((await own.json('/v1/session')).code, 'not-authenticated');
  own.cookie = '__Host-kezheng=';
  t.equal((await own.json('/v1/session')).code, 'session-over');
});
