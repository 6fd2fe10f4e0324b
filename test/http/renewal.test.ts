import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseHeaders } from '../../server/core/headers/headers.ts';
import { encodeBase64 } from '../../server/core/read/base64.ts';
import { CA, issue } from '../core/read/openssl.ts';
import { TIMESTAMPING } from '../core/token/authority.ts';
import { authorityServer } from '../support/authority-server.ts';
import { cli } from '../support/cli.ts';
import { body, certificateOf, form, run } from '../support/running.ts';
import { storageFor } from '../support/storage.ts';

/* A running service whose certificates are renewed, and whose blocks are listed for the day when it is gone. */

const service = await run();
t.teardown(() => service.stop());
const folder = t.testdir();
const path = (name: string) => join(folder, name);
const photo = Buffer.from('a photograph');
writeFileSync(path('photo.jpg'), photo);

const deposit = async (title: string) => {
  const made = await body(
    service.call('/v1/evidence', {
      method: 'POST',
      body: form({ title }, [{ name: 'photo.jpg', bytes: photo }]),
    }),
  );
  return certificateOf(service, made.id);
};
const certificate = await deposit('一');
writeFileSync(path('c.json'), certificate);
const trust = join(service.dataDir, 'trust.json');
const place = new URL(service.url).host;

const root = issue({ subject: '/CN=a root', days: 3650, extensions: CA });
const signer = issue({ subject: '/CN=a stamper', by: root, days: 3000, extensions: TIMESTAMPING });
const outside = await authorityServer(t, { signer });
const policies = ['1.2.3.4.1'];
const roots = [encodeBase64(root.der)];
writeFileSync(path('authorities.json'), JSON.stringify([{ label: 'a', url: outside.url, policies, roots }]));

const env = {
  KEZHENG_DATA_DIR: service.dataDir,
  KEZHENG_EGRESS_ALLOW: `${place},${outside.place}`,
  KEZHENG_TSA_AUTHORITIES_FILE: path('authorities.json'),
  ...(await storageFor(service.dataDir)),
};

const sent = (renewals: readonly Uint8Array[]) => {
  const data = new FormData();
  const blob = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);
  data.append('certificate', blob(certificate), 'c.json');
  data.append('file', blob(photo), 'photo.jpg');
  for (const renewal of renewals) data.append('renewal', blob(renewal), 'r.json');
  return service.call('/v1/verify', { method: 'POST', body: data, key: null });
};

t.test(
  'the service’s own authority renews as any other, and what it says is the operator’s own word',
  async (t) => {
    const renewed = await cli(
      ['renew', path('c.json'), '--tsa', `${service.url}/v1/tsa`, '--trust', trust],
      env,
    );
    t.equal(renewed.code, 0, renewed.err);
    const renewal = readFileSync(path('c.renewal.json'));
    const answer = await body(sent([renewal]));
    t.equal(answer.verdict, 'valid');
    t.match(answer.facts.renewals, [{ at: 'renewals[0]', of: 'certificate', token: { by: 'operator' } }]);
    t.match(
      answer.checks.filter(({ at }: { at?: string }) => at === 'renewals[0]'),
      [{ status: 'passed' }, { status: 'passed', reason: { code: /authority-own/ } }, { status: 'passed' }],
    );
    const json = (renewals: unknown) =>
      body(
        service.call('/v1/verify', { key: null, json: { certificate: certificate.toString(), renewals } }),
      );
    t.equal((await json([renewal.toString()])).facts.renewals.length, 1);
    t.match(await json([renewal.toString().replace('"path":[]', '"path":[ ]')]), { verdict: 'invalid' });
    t.match(await json([{}]), { code: 'request-invalid' });
    t.match(await json(Array.from({ length: 17 }, () => '')), { code: 'request-invalid' });
    t.match(await body(sent([Buffer.from('garbage')])), { verdict: 'invalid' });
    t.match(await body(sent(Array.from({ length: 17 }, () => renewal))), { code: 'part-unexpected' });
  },
);

t.test(
  'its blocks are listed beside the running service, and checked when service and chain are gone',
  async (t) => {
    await deposit('二');
    const made = await cli(['headers', '--out', path('headers.json'), '--text'], env);
    t.equal(made.code, 0, made.err);
    const bytes = readFileSync(path('headers.json'));
    const { blocks, tokens } = parseHeaders(bytes);
    t.equal(blocks.length, 2);
    t.equal(tokens.length, 2);
    t.match(made.out, createHash('sha256').update(bytes).digest('hex'));
    for (const { hash, number, time } of blocks) t.match(made.out, `| ${number} | ${time} | ${hash} |`);
    const piped = await cli(['headers'], env);
    t.strictSame(parseHeaders(Buffer.from(piped.out)).blocks, blocks, 'without --out it goes to the output');
    t.equal((await cli(['headers', '--out', path('headers.json')], env)).code, 64, 'never written over');
    t.equal((await cli(['headers', '--text'], env)).code, 64);
    t.equal((await cli(['headers', '--since', '2026-13-01'], env)).code, 64);
    t.equal((await cli(['headers', '--until', '2020-01-01', '--out', path('none.json')], env)).code, 1);
    t.equal(
      (
        await cli(
          ['headers', '--since', '2020-01-01', '--until', '2999-12-31', '--out', path('all.json')],
          env,
        )
      ).code,
      0,
    );
    await outside.stop();
    const lacking = await cli(['headers', '--out', path('lacking.json')], env);
    t.equal(lacking.code, 2, 'it is there, and a token is missing');
    t.match(lacking.err, 'door-unreachable');
    t.equal(parseHeaders(readFileSync(path('lacking.json'))).tokens.length, 1);

    const kept = path('trust.json');
    writeFileSync(kept, readFileSync(trust));
    await service.pause();
    const check = (...more: readonly string[]) =>
      cli(['verify', path('c.json'), path('photo.jpg'), '--trust', kept, ...more]);
    t.equal((await check()).code, 2);
    const valid = await check('--trust', path('headers.json'));
    t.equal(valid.code, 0, valid.out);
    t.match(valid.out, /headers\.json.*2 (个区块|blocks)/);
    t.match(valid.out, '清单');
    t.match(JSON.parse((await check('--trust', path('headers.json'), '--json')).out).hints, [
      { check: 'block', code: 'headers-read' },
      { check: 'block', code: 'issuer-trusted' },
      { check: 'block', code: /authority-own/ },
      { check: 'block', code: 'authority-unknown' },
    ]);
    const flipped = Buffer.from(bytes);
    const place = bytes.indexOf('"hash":"0x') + 15;
    flipped.write(flipped.toString('latin1', place, place + 1) === '0' ? '1' : '0', place);
    writeFileSync(path('forged.json'), flipped);
    const forged = await check('--trust', path('forged.json'));
    t.equal(forged.code, 64);
    t.match(forged.err, /签名|signature/);
    t.equal((await check('--trust', path('photo.jpg'))).code, 64);
    t.equal(
      (await check('--trust', kept, '--trust', path('headers.json'))).code,
      0,
      'two lists of trust are one',
    );
  },
);
