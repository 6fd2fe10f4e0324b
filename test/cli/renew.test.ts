import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CERTIFICATE, changed, OTHERS, renewalTrust } from '../../scripts/vectors/renewal-cases.ts';
import { expiredCertificate, FILES, makeSample } from '../../scripts/vectors/sample.ts';
import { encodeBase64 } from '../../server/core/read/base64.ts';
import type { JsonObject } from '../../server/core/read/json.ts';
import { parseRenewal, planRenewal, readRenewable } from '../../server/core/renewal/renewal.ts';
import { CA, issue, openssl } from '../core/read/openssl.ts';
import { opensslToken, TIMESTAMPING } from '../core/token/authority.ts';
import { crl } from '../core/token/revocation.ts';
import { authorityServer } from '../support/authority-server.ts';
import { cli } from '../support/cli.ts';
import { startHttp } from '../support/servers.ts';
import { endedRenewal, endedRoot, endedTwice } from './ended.ts';

const root = issue({ subject: '/CN=a root', days: 3650, extensions: CA });
const signer = issue({ subject: '/CN=a stamper', by: root, days: 30, extensions: TIMESTAMPING });
const otherRoot = issue({ subject: '/CN=another root', days: 3650, extensions: CA });
const otherSigner = issue({
  subject: '/CN=another stamper',
  key: 'rsa-2048',
  by: otherRoot,
  days: 3000,
  extensions: TIMESTAMPING,
});
const POLICY = '1.2.3.4.1';

const listed = (label: string, { der }: typeof root): JsonObject => ({
  label,
  policies: [POLICY],
  roots: [encodeBase64(der)],
});

const folder = t.testdir();
const path = (...names: readonly string[]) => join(folder, ...names);
const read = (name: string) => new Uint8Array(readFileSync(path(name)));
writeFileSync(path('photo.jpg'), FILES['photo.jpg']!);
writeFileSync(
  path('trust.json'),
  JSON.stringify(renewalTrust({ authorities: [listed('a', root), listed('b', otherRoot)] })),
);
const { blockHash } = await makeSample();
const trust = ['--trust', path('trust.json')];
const checked = ['--trust', path('trust.json'), '--block-hash', blockHash];

/** A folder of its own with these certificates in it. */
function given(name: string, certificates: readonly Uint8Array[]): readonly string[] {
  mkdirSync(path(name));
  return certificates.map((bytes, i) => {
    const file = path(name, `${i}.json`);
    writeFileSync(file, bytes);
    return file;
  });
}

const renewalOf = (file: string): string => file.replace(/\.json$/, '.renewal.json');
const verify = (file: string, renewals: readonly string[], ...more: readonly string[]) =>
  cli([
    ...['verify', file, path('photo.jpg'), ...checked, ...more],
    ...renewals.flatMap((renewal) => ['--renewal', renewal]),
  ]);

t.test('one token of an authority renews many certificates, and each holds without anybody', async (t) => {
  const authority = await authorityServer(t, { signer });
  const files = given('many', [CERTIFICATE, ...OTHERS]);
  const env = { KEZHENG_EGRESS_ALLOW: authority.place };
  const { code, out, err } = await cli(['renew', ...files, '--tsa', authority.url, ...trust], env);
  t.equal(code, 0, err);
  t.equal(authority.asked(), 1);
  t.match(out, '0.renewal.json');
  await authority.stop();
  t.ok(
    read('many/0.json').every((byte, i) => byte === CERTIFICATE[i]),
    'the certificate stays as it is',
  );
  const { code: valid, out: report } = await verify(files[0]!, [renewalOf(files[0]!)]);
  t.equal(valid, 0, report);
  t.match(report, /renewal renewals\[0\].*通过/);
  t.match(report, /unbroken renewals\[0\].*通过/);
  t.match(report, '续期 renewal: renewals[0] → certificate');
  t.match(report, /keys good until: signature .* carried on by renewals\[0\]/);
  t.equal((await verify(files[0]!, [renewalOf(files[1]!)])).code, 1, 'that of another certificate is wrong');
  t.equal((await verify(files[0]!, [files[0]!])).code, 1, 'a certificate is no renewal');
});

t.test(
  'a renewal is renewed by another authority, and OpenSSL verifies the token that the record of both ends with',
  async (t) => {
    const [one, two] = [
      await authorityServer(t, { signer }),
      await authorityServer(t, { signer: otherSigner }),
    ];
    const [file] = given('twice', [CERTIFICATE]) as [string];
    const env = { KEZHENG_EGRESS_ALLOW: `${one.place}, ${two.place}` };
    const [first, second] = [renewalOf(file), renewalOf(renewalOf(file))];
    t.equal((await cli(['renew', file, '--tsa', one.url, ...trust], env)).code, 0);
    t.equal((await cli(['renew', first, '--tsa', two.url, ...trust], env)).code, 0);
    const { code, out } = await verify(file, [second, first], '--json');
    t.equal(code, 0);
    t.match(JSON.parse(out).facts, {
      renewals: [
        { of: 'renewals[1]', token: { by: 'independent', label: 'b' } },
        { of: 'certificate', token: { by: 'independent', label: 'a' } },
      ],
      authorities: ['b', 'a'],
    });
    t.equal((await verify(file, [second])).code, 1, 'the one between is missing');
    const [record, token] = [path('twice', 'c.ers'), path('twice', 'token')];
    const told = await cli(['evidence-record', second, first, file, '--out', record]);
    t.equal(told.code, 0, told.err);
    t.equal(
      (await cli(['evidence-record', second, first, file, '--out', record])).code,
      64,
      'never written over',
    );
    t.equal((await cli(['evidence-record', second, file, '--out', `${record}2`])).code, 1);
    t.equal((await cli(['evidence-record', file, '--out', `${record}2`])).code, 64);
    // The last token of the record, by OpenSSL, over the root that the path of the renewal leads to.
    const renewal = parseRenewal(new Uint8Array(readFileSync(second)));
    writeFileSync(token, renewal.token);
    const plan = planRenewal([readRenewable(new Uint8Array(readFileSync(first)))]);
    const digest = Buffer.from(plan.root).toString('hex');
    const said = openssl([
      ...[
        'ts',
        '-verify',
        '-digest',
        digest,
        '-in',
        token,
        '-token_in',
        '-CAfile',
        otherRoot.files.certificate,
      ],
    ]);
    t.match(said.toString(), 'OK');
    t.ok(readFileSync(record).includes(Buffer.from(renewal.token)), 'the token stands in the record');
  },
);

t.test(
  'a list of authorities is asked in its order, each failure is told, and only a good token counts',
  async (t) => {
    const down = await authorityServer(t, { signer, status: 500 });
    const liar = await authorityServer(t, {
      signer,
      answer: (reply) => reply.map((byte, i) => (i === reply.length - 1 ? byte ^ 1 : byte)),
    });
    const stranger = await authorityServer(t, {
      signer: issue({ subject: '/CN=x', days: 9, extensions: TIMESTAMPING }),
    });
    const good = await authorityServer(t, { signer, chain: [root] });
    const servers = [down, liar, stranger, good];
    const list = (urls: readonly string[]) =>
      JSON.stringify(urls.map((url) => ({ ...listed('a', root), url })));
    writeFileSync(path('authorities.json'), list(servers.map(({ url }) => url)));
    writeFileSync(path('bad.json'), list(servers.slice(0, 3).map(({ url }) => url)));
    writeFileSync(path('wrong.json'), '[{"label":"a"}]');
    const env = { KEZHENG_EGRESS_ALLOW: servers.map(({ place }) => place).join() };
    const [file] = given('list', [CERTIFICATE]) as [string];
    const nothing = await cli(['renew', file, '--tsa', path('bad.json')], env);
    t.equal(nothing.code, 1, nothing.err);
    for (const word of ['door-status-unexpected', 'token-signature-wrong', 'authority-unknown'])
      t.match(nothing.err, word);
    const { code, err } = await cli(['renew', file, '--tsa', path('authorities.json')], env);
    t.equal(code, 0, err);
    t.equal((await verify(file, [renewalOf(file)])).code, 0);
    t.equal((await cli(['renew', file, '--tsa', path('wrong.json')], env)).code, 64);
    const [other] = given('private', [CERTIFICATE]) as [string];
    const inside = await cli(['renew', other, '--tsa', good.url, ...trust]);
    t.equal(inside.code, 1);
    t.match(inside.err, 'door-port-refused', 'nothing inside is reached that is not listed');
  },
);

t.test('an answer to somebody else’s question is refused', async (t) => {
  const other = opensslToken({ by: signer, data: CERTIFICATE, imprint: 'sha512' });
  const granted = (token: Uint8Array) =>
    Buffer.concat([
      Buffer.from([0x30, 0x82, (token.length + 5) >> 8, (token.length + 5) & 255, 0x30, 3, 2, 1, 0]),
      token,
    ]);
  const replayed = await authorityServer(t, { signer, answer: () => granted(other) });
  const [file] = given('replay', [CERTIFICATE]) as [string];
  const { code, err } = await cli(['renew', file, '--tsa', replayed.url, ...trust], {
    KEZHENG_EGRESS_ALLOW: replayed.place,
  });
  t.equal(code, 1);
  // The same imprint, for one file alone is its own root; but not our nonce.
  t.match(err, 'token-nonce-differs');
});

t.test('what is not due stays as it is; what is wrong is told, and holds nothing else up', async (t) => {
  const authority = await authorityServer(t, { signer });
  const env = { KEZHENG_EGRESS_ALLOW: authority.place };
  const renew = (...args: readonly string[]) =>
    cli(['renew', ...args, '--tsa', authority.url, ...trust], env);
  const [file, damaged] = given('due', [
    CERTIFICATE,
    changed(CERTIFICATE, (document) => ({ ...document, issuedAt: '2026-11-22T07:00:10.412Z' })),
  ]) as [string, string];
  t.match(await renew(file, '--within', '30'), { code: 0, out: /none of the files is due/ });
  t.equal(authority.asked(), 0, 'nobody is asked for nothing');
  t.match(await renew(damaged), { code: 1, err: /jws-signature-wrong/ });
  t.match(await renew(file, damaged, '--within', '20000'), { code: 2, err: /jws-signature-wrong/ });
  t.match(await renew(file), { code: 64, err: /0\.renewal\.json 已存在/ });
  // The authority's own certificate ends in 30 days.
  const first = renewalOf(file);
  t.match(await renew(first, '--within', '20'), { code: 0, out: /none of the files is due/ });
  t.match(await renew(first, '--within', '40'), { code: 0, out: /written/ });
  // Again and again over a whole folder: what has its renewal is carried on by it, whatever else is due.
  const all = readdirSync(path('due')).filter((name) => name.startsWith('0.'));
  t.equal(all.length, 3);
  const again = await renew(...all.map((name) => path('due', name)), '--within', '20000');
  t.match(again, { code: 0, out: /^已写入 written: .*0\.renewal\.renewal\.renewal\.json\n/ });
  writeFileSync(path('due', '1.renewal.json'), 'something else');
  t.equal(
    (await renew(damaged, '--within', '20000')).code,
    64,
    'what is no renewal of it is not taken for one',
  );
  mkdirSync(path('elsewhere'));
  t.match(await renew(file, '--out', path('elsewhere')), { code: 0 });
  t.ok(readFileSync(path('elsewhere', '0.renewal.json')));
  for (const args of [
    [],
    ['--within', '-1'],
    ['--within', 'soon'],
    [path('missing.json')],
    [file, file, path('due', '..', 'twice', '0.json')],
  ])
    t.equal(
      (await renew(...args, ...(args.length === 3 ? ['--out', path('elsewhere')] : []))).code,
      64,
      args.join(' '),
    );
  t.equal(
    (await cli(['renew', file, '--tsa', authority.url], env)).code,
    64,
    'an address alone says not whom to believe',
  );
  t.equal((await cli(['renew', file, ...trust], env)).code, 64);
});

t.test(
  'a renewal whose authority has ended is not renewed any more, and one that was before still holds',
  async (t) => {
    const [file, first, second] = given('ended', [CERTIFICATE, endedRenewal, endedTwice]) as [
      string,
      string,
      string,
    ];
    writeFileSync(
      path('ended.json'),
      JSON.stringify(
        renewalTrust({
          authorities: [
            { label: 'ended', policies: [POLICY], roots: [encodeBase64(endedRoot)] },
            ...(renewalTrust()['authorities'] as readonly JsonObject[]),
          ],
        }),
      ),
    );
    const authority = await authorityServer(t, { signer });
    const env = { KEZHENG_EGRESS_ALLOW: authority.place };
    const late = await cli(
      ['renew', first, '--tsa', authority.url, ...trust, '--trust', path('ended.json')],
      env,
    );
    t.match(late, { code: 1, err: /renewed-too-late/ });
    const check = (...renewals: readonly string[]) =>
      cli([
        ...['verify', file, path('photo.jpg'), '--trust', path('ended.json'), '--block-hash', blockHash],
        ...renewals.flatMap((one) => ['--renewal', one]),
      ]);
    t.equal((await check(first, second)).code, 0, 'its authority has ended, and it was carried on in time');
    // Whoever forces it all the same is found out.
    const plan = planRenewal([readRenewable(endedRenewal)]);
    const token = opensslToken({ by: signer, data: endedRenewal, imprint: 'sha512' });
    const [forced] = plan.finish({ token, certificates: [] }, [[]]);
    writeFileSync(path('ended', 'forced.json'), forced!);
    t.equal((await check(first, path('ended', 'forced.json'))).code, 1);
  },
);

t.test(
  'a certificate whose issuer’s key has ended is wrapped all the same, and it is said what that shows',
  async (t) => {
    const authority = await authorityServer(t, { signer });
    const { bytes } = await makeSample({ x5c: [expiredCertificate], issuedAt: '2025-01-15T00:00:00.000Z' });
    const [file] = given('late', [bytes]) as [string];
    const env = { KEZHENG_EGRESS_ALLOW: authority.place };
    t.match(await cli(['renew', file, '--tsa', authority.url, ...trust], env), {
      code: 0,
      out: /the file is there now/,
    });
  },
);

t.test(
  'what the issuer says of revocation goes into the renewal, and a revoked authority is refused',
  async (t) => {
    let list = new Uint8Array();
    const place = await startHttp(t, (_, response) => void response.end(list));
    const listedSigner = issue({
      subject: '/CN=a listed stamper',
      by: root,
      days: 3000,
      extensions: [...TIMESTAMPING, `crlDistributionPoints=URI:http://127.0.0.1:${place}/crl`],
    });
    list = new Uint8Array(crl(root));
    const authority = await authorityServer(t, { signer: listedSigner });
    const env = { KEZHENG_EGRESS_ALLOW: `${authority.place},127.0.0.1:${place}` };
    const [file, other] = given('listed', [CERTIFICATE, OTHERS[0]!]) as [string, string];
    const { code, out } = await cli(['renew', file, '--tsa', authority.url, ...trust], env);
    t.equal(code, 0);
    t.match(out, /answers about revocation: 1/);
    const { revocation } = parseRenewal(new Uint8Array(readFileSync(renewalOf(file))));
    t.match(revocation, [{ kind: 'crl' }]);
    t.match((await verify(file, [renewalOf(file)])).out, /no revocation speaks against the token/);
    list = new Uint8Array(crl(root, [{ of: listedSigner, at: '261101000000Z', reason: 'keyCompromise' }]));
    t.match(await cli(['renew', other, '--tsa', authority.url, ...trust], env), {
      code: 1,
      err: /token-certificate-revoked/,
    });
  },
);
