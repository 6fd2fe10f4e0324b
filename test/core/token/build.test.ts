import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RFC3161Timestamp, X509Certificate } from '@sigstore/core';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import t from 'tap';
import { equalBytes } from '../../../server/core/read/bytes.ts';
import { FormatError } from '../../../server/core/reason.ts';
import {
  assembleToken,
  certificateSet,
  draftToken,
  tokenForm,
  withCertificates,
  withoutCertificates,
} from '../../../server/core/token/build.ts';
import { encodeImprint } from '../../../server/core/token/imprint.ts';
import { PROMISE_POLICY, PUBLIC_POLICY } from '../../../server/core/token/policies.ts';
import { encodeRequest, parseRequest } from '../../../server/core/token/request.ts';
import { encodeGranted, encodeRefusal, parseResponse } from '../../../server/core/token/response.ts';
import { refusal } from '../../support/format-error.ts';
import { openssl } from '../read/openssl.ts';
import { content, DATA, DIGEST, digestOf, file, form, NOW, root, sign, stamper, token } from './authority.ts';

const verifyRFC3161Timestamp = (
  await import(new URL('../../../node_modules/@sigstore/verify/dist/timestamp/tsa.js', import.meta.url).href)
).verifyRFC3161Timestamp as (timestamp: RFC3161Timestamp, data: Buffer, authorities: object[]) => void;

const ALL = certificateSet([stamper.der, root.der]);
const data = file(DATA);
const AT = ['-attime', String(Math.floor(NOW / 1000)), '-CAfile', root.files.certificate];
const UNTRUSTED = ['-untrusted', stamper.files.certificate];

const verified = (args: readonly string[]): string => String(openssl(['ts', '-verify', ...args]));
const refused = (args: readonly string[]): boolean => {
  try {
    verified(args);
    return false;
  } catch {
    return true;
  }
};

t.test('openssl verifies a token with its certificates inside, and without', async (t) => {
  const full = file(encodeGranted(token({}, ALL)));
  const bare = file(encodeGranted(token()));
  t.match(verified(['-data', data, '-in', full, ...AT]), 'OK');
  t.match(verified(['-data', data, '-in', bare, ...AT, ...UNTRUSTED]), 'OK');
  t.ok(refused(['-data', data, '-in', bare, ...AT]), 'nobody brings the certificate');
  t.ok(refused(['-data', file('something else'), '-in', full, ...AT]));
  t.match(verified(['-data', data, '-in', file(token({}, ALL)), '-token_in', ...AT]), 'OK');
});

for (const [algorithm, hash] of [
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
  ['sm3', 'sm3'],
] as const)
  t.test(`openssl finds what it asked for in a token over ${algorithm}, nonce and policy too`, async (t) => {
    const query = encodeRequest({
      imprint: encodeImprint(algorithm, digestOf(hash, DATA)),
      policy: PUBLIC_POLICY,
      nonce: Uint8Array.of(0x80, 1, 2, 3, 4, 5, 6, 7),
      certReq: true,
    });
    const answer = token(
      {
        imprint: encodeImprint(algorithm, digestOf(hash, DATA)),
        nonce: Uint8Array.of(0, 0x80, 1, 2, 3, 4, 5, 6, 7),
      },
      ALL,
    );
    t.match(verified(['-queryfile', file(query), '-in', file(encodeGranted(answer)), ...AT]), 'OK');
    const other = token({ imprint: encodeImprint(algorithm, digestOf(hash, DATA)) }, ALL);
    t.ok(refused(['-queryfile', file(query), '-in', file(encodeGranted(other)), ...AT]), 'no nonce');
  });

for (const algorithm of ['sha256', 'sha384', 'sha512', 'sm3'])
  t.test(`the answer to a request of openssl with ${algorithm} is what it asked for`, async (t) => {
    const query = file('');
    openssl(['ts', '-query', '-data', data, `-${algorithm}`, '-cert', '-out', query]);
    const { imprint, nonce } = parseRequest(new Uint8Array(readFileSync(query)), [PUBLIC_POLICY]);
    const answer = file(encodeGranted(token({ imprint: imprint.raw, nonce }, ALL)));
    t.match(verified(['-queryfile', query, '-in', answer, ...AT]), 'OK');
    const bare = file(encodeGranted(token({ imprint: imprint.raw, nonce })));
    t.match(verified(['-data', data, '-in', bare, ...AT, ...UNTRUSTED]), 'OK');
  });

t.test('openssl cms verifies the signed data and gives back the TSTInfo', async (t) => {
  const out = file('');
  openssl([
    ...['cms', '-verify', '-inform', 'DER', '-in', file(token({}, ALL)), '-out', out],
    ...['-purpose', 'timestampsign', '-attime', String(Math.floor(NOW / 1000))],
    ...['-CAfile', root.files.certificate, '-binary'],
  ]);
  t.ok(equalBytes(readFileSync(out), draftToken(form, content()).info));
});

t.test('openssl asn1parse walks through the whole token and prints its times and names', async (t) => {
  const genTimeMs = Date.parse('2026-11-22T07:00:09.120Z');
  const shown = String(openssl(['asn1parse', '-inform', 'DER', '-in', file(token({ genTimeMs }))]));
  t.match(shown, 'id-smime-ct-TSTInfo');
  t.match(shown, 'id-smime-aa-signingCertificateV2');
  const info = draftToken(form, content({ genTimeMs })).info;
  t.match(String(openssl(['asn1parse', '-inform', 'DER', '-in', file(info)])), '20261122070009.12Z');
});

const ENGINE = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as never });
pkijs.setEngine('node', ENGINE);

const asn1 = (bytes: Uint8Array) => asn1js.fromBER(Uint8Array.from(bytes).buffer);
const pkiCertificate = (der: Uint8Array) => new pkijs.Certificate({ schema: asn1(der).result });

async function pkijsSays(bytes: Uint8Array): Promise<boolean> {
  const response = new pkijs.TimeStampResp({ schema: asn1(encodeGranted(bytes)).result });
  const signed = new pkijs.SignedData({ schema: response.timeStampToken!.content });
  try {
    return await signed.verify({
      signer: 0,
      data: Uint8Array.from(DATA).buffer,
      trustedCerts: [pkiCertificate(root.der)],
      checkDate: new Date(NOW),
      checkChain: true,
    });
  } catch {
    return false;
  }
}

t.test('pkijs reads and verifies the token', async (t) => {
  t.equal(await pkijsSays(token({}, ALL)), true);
  const response = new pkijs.TimeStampResp({ schema: asn1(encodeGranted(token())).result });
  const signed = new pkijs.SignedData({ schema: response.timeStampToken!.content });
  const info = pkijs.TSTInfo.fromBER(signed.encapContentInfo.eContent!.valueBlock.valueHexView);
  // pkijs prints a large arc in hex.
  t.match(info.policy, /^2\.25\./);
  t.equal(info.genTime.getTime(), NOW);
  t.equal(info.accuracy!.seconds, 1);
  t.ok(equalBytes(new Uint8Array(info.messageImprint.hashedMessage.valueBlock.valueHexView), DIGEST));
  const foreign = assembleToken(form, draftToken(form, content()), sign(DATA), ALL);
  t.equal(await pkijsSays(foreign), false, 'the signature of something else');
});

t.test('@sigstore/verify reads and verifies the token', async (t) => {
  const authorities = [
    {
      certChain: [stamper, root].map(({ der }) => X509Certificate.parse(Buffer.from(der))),
      validFor: { start: new Date(0), end: new Date(NOW + 1e9) },
    },
  ];
  const timestamp = RFC3161Timestamp.parse(Buffer.from(encodeGranted(token({}, ALL))));
  verifyRFC3161Timestamp(timestamp, Buffer.from(DATA), authorities);
  // It leaves fractions of a second out.
  t.equal(timestamp.signingTime.getTime(), NOW - (NOW % 1000));
  t.throws(() => verifyRFC3161Timestamp(timestamp, Buffer.from('something else'), authorities));
});

t.test('certificates come in and go without touching what is signed', async (t) => {
  const bare = token();
  const draft = draftToken(form, content());
  const signature = sign(draft.toSign);
  const full = assembleToken(form, draft, signature, ALL);
  t.ok(equalBytes(withoutCertificates(full), assembleToken(form, draft, signature)));
  t.ok(equalBytes(withCertificates(assembleToken(form, draft, signature), ALL), full));
  t.ok(equalBytes(withCertificates(full, certificateSet([stamper.der])).slice(-50), full.slice(-50)));
  t.ok(bare.length < 500, `${bare.length} bytes to store`);
  t.ok(equalBytes(certificateSet([root.der, stamper.der]), certificateSet([stamper.der, root.der])));
  t.ok(equalBytes(certificateSet([root.der, root.der]).slice(-root.der.length), root.der));
});

t.test('certificates are changed in nothing but a token', async (t) => {
  for (const damaged of [encodeGranted(token()), Uint8Array.of(0x30, 0), Uint8Array.of(5, 0), root.der])
    t.equal(
      refusal(() => withoutCertificates(damaged)),
      'token-shape-wrong',
    );
});

t.test('a serial number is written in its fewest octets and never negative', async (t) => {
  const written = (serial: Uint8Array) =>
    String(openssl(['asn1parse', '-inform', 'DER', '-in', file(draftToken(form, content({ serial })).info)]));
  t.match(written(Uint8Array.of(0, 0, 0x7f)), 'INTEGER           :7F');
  t.match(written(Uint8Array.of(0x80)), 'INTEGER           :80');
  t.match(written(new Uint8Array(20).fill(0xff)), `INTEGER           :${'FF'.repeat(20)}`);
  for (const serial of [new Uint8Array(), new Uint8Array(3), new Uint8Array(21).fill(1)])
    t.equal(
      refusal(() => draftToken(form, content({ serial }))),
      'token-serial-invalid',
    );
});

t.test('an accuracy is whole seconds and milliseconds, at least one', async (t) => {
  const of = (accuracyMs: number) =>
    Buffer.from(
      tokenForm({ certificate: stamper.der, policy: PROMISE_POLICY, accuracyMs }).accuracy,
    ).toString('hex');
  t.equal(of(1000), '3003020101');
  t.equal(of(1500), '3007020101800201f4');
  t.equal(of(20), '3003800114');
  for (const ms of [0, -1, 1.5, Number.NaN])
    t.equal(
      refusal(() => of(ms)),
      'token-accuracy-invalid',
    );
});

t.test('a refusal tells openssl and us its number', async (t) => {
  const FAILURES = [
    ['badAlg', 'unrecognized or unsupported algorithm'],
    ['badRequest', 'transaction not permitted or supported'],
    ['badDataFormat', 'the data submitted has the wrong format'],
    ['timeNotAvailable', "the TSA's time source is not available"],
    ['unacceptedPolicy', 'the requested TSA policy is not supported'],
    ['unacceptedExtension', 'the requested extension is not supported'],
    ['addInfoNotAvailable', 'the additional information requested could not be understood'],
    ['systemFailure', 'the request cannot be handled due to system failure'],
  ] as const;
  for (const [failure, words] of FAILURES) {
    const answer = encodeRefusal(failure, '时钟 in doubt');
    const shown = String(openssl(['ts', '-reply', '-in', file(answer), '-text']));
    t.match(shown, words);
    t.match(shown, 'Rejected');
    t.strictSame(parseResponse(answer), {
      granted: false,
      status: 2,
      failures: [failure],
      text: '时钟 in doubt',
    });
  }
});

t.test('a token comes out of an answer as it went in', async (t) => {
  const full = token({}, ALL);
  const answer = parseResponse(encodeGranted(full));
  t.ok(answer.granted && equalBytes(answer.token, full));
  const withMods = encodeGranted(token());
  // 30 LL 30 03 02 01 status
  withMods[withMods.indexOf(0x30, 1) + 4] = 1;
  t.equal(parseResponse(withMods).granted, true, 'granted with changes');
  withMods[withMods.indexOf(0x30, 1) + 4] = 3;
  t.equal(
    refusal(() => parseResponse(withMods)),
    'der-element-surplus',
    'waiting, and a token',
  );
  t.strictSame(parseResponse(Uint8Array.of(0x30, 9, 0x30, 7, 2, 1, 2, 3, 2, 6, 0x40)), {
    granted: false,
    status: 2,
    failures: ['bit 1'],
    text: '',
  });
  t.strictSame(parseResponse(Uint8Array.of(0x30, 11, 0x30, 9, 2, 1, 5, 0x30, 4, 12, 2, 0xff, 0xff)), {
    granted: false,
    status: 5,
    failures: [],
    text: '',
  });
  for (const damaged of [new Uint8Array(), Uint8Array.of(0x30, 5, 0x30, 3, 2, 1, 0), encodeGranted(DATA)])
    t.throws(() => parseResponse(damaged), FormatError);
});
