import { createHash, createPrivateKey, sign as nodeSign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken, type TokenContent, type TokenForm, tokenForm } from '../../../server/core/token/build.ts';
import { sha256Imprint } from '../../../server/core/token/imprint.ts';
import { PUBLIC_POLICY } from '../../../server/core/token/policies.ts';
import { CA, type Issued, issue, type KeyKind, openssl } from '../read/openssl.ts';

/*
 * Time-stamp authorities for tests: one of our own making, and OpenSSL's with any key; the folder goes when the process
 * ends.
 */

const folder = mkdtempSync(join(tmpdir(), 'kezheng-token-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let made = 0;

/** A new file with these bytes. */
export function file(bytes: Uint8Array | string): string {
  const path = join(folder, String(made++));
  writeFileSync(path, bytes);
  return path;
}

export const TIMESTAMPING = [
  'basicConstraints=CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'extendedKeyUsage=critical,timeStamping',
];

export const root: Issued = issue({ subject: '/CN=stamp root', days: 3650, extensions: CA });
export const middle: Issued = issue({ subject: '/CN=stamp CA', by: root, days: 3650, extensions: CA });
export const stamper: Issued = issue({
  subject: '/C=CN/O=可证/CN=stamper',
  by: root,
  days: 3000,
  extensions: TIMESTAMPING,
});

export const signWith =
  ({ key }: Issued) =>
  (bytes: Uint8Array): Uint8Array =>
    new Uint8Array(nodeSign('sha256', bytes, createPrivateKey(key)));

export const sign = signWith(stamper);

export const digestOf = (algorithm: string, bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(algorithm).update(bytes).digest());

export const form: TokenForm = tokenForm({
  certificate: stamper.der,
  policy: PUBLIC_POLICY,
  accuracyMs: 1000,
});

export const DATA: Uint8Array = new TextEncoder().encode('what is stamped');
export const DIGEST = digestOf('sha256', DATA);

/** An hour on, so that every certificate that is made here is valid already. */
/** With three digits behind the second: DER leaves zeros at the end out, and @sigstore/core reads three or none. */
export const NOW = 10 * Math.floor(Date.now() / 10) + 3_600_007;

export const content = (changes: Partial<TokenContent> = {}): TokenContent => ({
  imprint: sha256Imprint(DIGEST),
  serial: Uint8Array.of(1, 2, 3),
  genTimeMs: NOW,
  nonce: undefined,
  ...changes,
});

/** A token of ours; without certificates where none are given. */
export const token = (changes: Partial<TokenContent> = {}, certificates?: Uint8Array): Uint8Array =>
  signToken(form, content(changes), sign, certificates);

export interface Reply {
  readonly by: Issued;
  /** Others that the token brings along. */
  readonly chain?: readonly Issued[];
  readonly digest?: 'sha256' | 'sha384' | 'sha512';
  readonly essDigest?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  readonly essChain?: boolean;
  readonly policy?: string;
  readonly data?: Uint8Array;
  readonly imprint?: string;
  readonly cert?: boolean;
  readonly lines?: readonly string[];
}

/** The token that `openssl ts -reply` makes. */
export function opensslToken(reply: Reply): Uint8Array {
  const data = file(reply.data ?? DATA);
  const query = file('');
  openssl([
    ...['ts', '-query', '-data', data, `-${reply.imprint ?? 'sha256'}`, '-out', query],
    ...(reply.cert === false ? [] : ['-cert']),
  ]);
  const chain = file((reply.chain ?? []).map(({ files }) => readFileSync(files.certificate)).join('\n'));
  const config = file(
    [
      '[tsa]',
      'default_tsa = one',
      '[one]',
      `serial = ${file('01')}`,
      'crypto_device = builtin',
      `signer_cert = ${reply.by.files.certificate}`,
      `signer_key = ${reply.by.files.key}`,
      ...(reply.chain ? [`certs = ${chain}`] : []),
      `signer_digest = ${reply.digest ?? 'sha256'}`,
      `default_policy = ${reply.policy ?? '1.2.3.4.1'}`,
      'digests = sha1, sha256, sha384, sha512, sm3',
      `ess_cert_id_alg = ${reply.essDigest ?? 'sha256'}`,
      `ess_cert_id_chain = ${reply.essChain ? 'yes' : 'no'}`,
      ...(reply.lines ?? ['accuracy = secs:1, millisecs:500, microsecs:100', 'clock_precision_digits = 3']),
    ].join('\n'),
  );
  const out = file('');
  openssl(['ts', '-reply', '-config', config, '-queryfile', query, '-token_out', '-out', out]);
  return new Uint8Array(readFileSync(out));
}

/** A certificate for time stamps of any kind of key. */
export const authority = (key: KeyKind, by: Issued, extensions: readonly string[] = TIMESTAMPING): Issued =>
  issue({ subject: `/CN=authority ${key}`, key, by, days: 3000, extensions });
