import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * Certificates as OpenSSL makes them, for tests; the folder goes when the process ends.
 */

const folder = mkdtempSync(join(tmpdir(), 'kezheng-x509-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'secp256k1' | 'rsa-2048' | 'rsa-1024' | 'ed25519';

export interface Issued {
  readonly der: Uint8Array;
  /** PEM of the private key. */
  readonly key: string;
  readonly files: { readonly certificate: string; readonly key: string };
}

export interface Wish {
  /** OpenSSL's form: /C=CN/CN=name */
  readonly subject: string;
  readonly key?: KeyKind;
  /** Left out: signs itself. */
  readonly by?: Issued;
  /** The key of another certificate instead of a new one. */
  readonly keyOf?: Issued;
  readonly days?: number;
  readonly digest?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** Lines of an OpenSSL extension section; left out: version 1. */
  readonly extensions?: readonly string[];
  readonly serial?: string;
}

export const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
export const LEAF = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature'];

let made = 0;

export function issue(wish: Wish): Issued {
  const base = join(folder, String(made++));
  const key = wish.keyOf?.files.key ?? `${base}.key`;
  if (!wish.keyOf) openssl(['genpkey', ...keyOptions(wish.key ?? 'P-256'), '-out', key]);
  openssl(['req', '-new', '-utf8', '-key', key, '-subj', wish.subject, '-out', `${base}.csr`]);
  writeFileSync(`${base}.ext`, (wish.extensions ?? []).join('\n'));
  const signer = wish.by
    ? ['-CA', wish.by.files.certificate, '-CAkey', wish.by.files.key]
    : ['-signkey', key];
  openssl([
    ...['x509', '-req', '-in', `${base}.csr`, '-out', `${base}.pem`, '-days', String(wish.days ?? 365)],
    ...['-set_serial', wish.serial ?? String(made), `-${wish.digest ?? 'sha256'}`, ...signer],
    ...(wish.extensions ? ['-extfile', `${base}.ext`] : []),
  ]);
  const der = new Uint8Array(openssl(['x509', '-in', `${base}.pem`, '-outform', 'DER']));
  return { der, key: readFileSync(key, 'utf8'), files: { certificate: `${base}.pem`, key } };
}

export const openssl = (args: readonly string[]): Buffer =>
  execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

function keyOptions(kind: KeyKind): string[] {
  if (kind === 'ed25519') return ['-algorithm', 'ed25519'];
  if (kind.startsWith('rsa')) return ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${kind.slice(4)}`];
  return ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${kind}`];
}
