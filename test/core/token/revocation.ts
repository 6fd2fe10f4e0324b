import { readFileSync } from 'node:fs';
import { toHex } from '../../../server/core/read/bytes.ts';
import { parseDer } from '../../../server/core/read/der.ts';
import { type Issued, openssl } from '../read/openssl.ts';
import { file } from './authority.ts';

/*
 * Revocation lists and OCSP answers as OpenSSL makes them.
 */

export interface Revoked {
  readonly of: Issued;
  /** YYMMDDhhmmssZ; left out: good */
  readonly at?: string;
  /** as OpenSSL names it */
  readonly reason?: string;
}

export const serialOf = ({ der }: Issued): string => toHex(parseDer(der).children[0]!.children[1]!.content);

/** The data base of `openssl ca`. */
const index = (revoked: readonly Revoked[]): string =>
  file(
    revoked
      .map(({ of, at, reason }) =>
        [
          at === undefined ? 'V' : 'R',
          '491231235959Z',
          at === undefined ? '' : `${at}${reason === undefined ? '' : `,${reason}`}`,
          serialOf(of).toUpperCase(),
          'unknown',
          '/CN=x',
        ].join('\t'),
      )
      .concat('')
      .join('\n'),
  );

export function crl(
  by: Issued,
  revoked: readonly Revoked[] = [],
  extensions: readonly string[] = [],
): Uint8Array {
  const config = file(
    [
      ...['[ca]', 'default_ca = one', '[one]', `database = ${index(revoked)}`, `crlnumber = ${file('01\n')}`],
      ...['default_md = sha256', 'default_crl_days = 3650', 'crl_extensions = ext'],
      ...['[ext]', 'authorityKeyIdentifier = keyid:always', ...extensions],
    ].join('\n'),
  );
  const out = file('');
  const { certificate, key } = by.files;
  openssl(['ca', '-gencrl', '-config', config, '-cert', certificate, '-keyfile', key, '-out', out]);
  return new Uint8Array(openssl(['crl', '-in', out, '-outform', 'DER']));
}

export interface Asked {
  readonly of: Issued;
  readonly issuer: Issued;
  readonly signer: Issued;
  readonly revoked: readonly Revoked[];
  readonly digest?: 'sha1' | 'sha256' | 'sha512';
  readonly more?: readonly string[];
}

export function ocsp({ of, issuer, signer, revoked, digest = 'sha1', more = [] }: Asked): Uint8Array {
  const query = file('');
  const out = file('');
  openssl([
    ...['ocsp', '-issuer', issuer.files.certificate, `-${digest}`, '-serial', `0x${serialOf(of)}`],
    ...['-no_nonce', '-reqout', query],
  ]);
  openssl([
    ...['ocsp', '-index', index(revoked), '-CA', issuer.files.certificate, '-reqin', query, '-respout', out],
    ...['-rsigner', signer.files.certificate, '-rkey', signer.files.key, '-ndays', '3650', ...more],
  ]);
  return new Uint8Array(readFileSync(out));
}
