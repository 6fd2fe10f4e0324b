import type { Certificate } from '../core/certificate/certificate.ts';
import type { KnownToken } from '../core/certificate/tokens.ts';
import { encodeBase64 } from '../core/read/base64.ts';
import { toHex } from '../core/read/bytes.ts';
import type { Certificate as X509 } from '../core/read/x509.ts';
import { certificateSet, withCertificates } from '../core/token/build.ts';
import { parseToken } from '../core/token/read.ts';
import { encodeGranted } from '../core/token/response.ts';
import { rootDocument } from '../core/token/root-document.ts';
import { standingOf } from '../core/verify/authority.ts';
import { rootOfPath } from '../core/verify/inclusion.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { findSigner, othersOf } from '../core/verify/signer.ts';
import type { Trust } from '../core/verify/trust.ts';
import { waysUp } from '../core/verify/ways.ts';
import type { ReadmeToken } from '../documents/package/readme.ts';
import type { PackageItem } from '../documents/package/zip.ts';

/*
 * A token of a certificate as files that other people's tools take: a whole reply, the certificates from its signer to
 * a root, what it is over where that is a document of its own, and what was said of revocation.
 */

export interface StampedDeps {
  readonly signatures: SignatureVerifier;
  readonly trust: () => Trust | undefined;
}

export async function stampedOf(
  { signatures, trust }: StampedDeps,
  certificate: Certificate,
  token: KnownToken,
  position: number,
): Promise<{ readonly items: readonly PackageItem[]; readonly about: ReadmeToken }> {
  const parsed = parseToken(token.token);
  const given = [...parsed.certificates, ...token.certificates];
  const signer = findSigner(parsed, given);
  const others = othersOf(signer, given);
  const { info } = parsed;
  const list = trust();
  const standing = list && (await standingOf({ info, signer, others }, list, signatures));
  const isKnown = standing?.by === 'operator' || standing?.by === 'independent';
  // The longest way: whoever knows none of its certificates has the most to go on.
  const chain = isKnown ? standing.path : (await waysUp(signer, others, signatures)).at(-1)!;
  const base = `tokens/${position + 1}`;
  const over = overOf(certificate, token, base);
  const reply = encodeGranted(withCertificates(token.token, certificateSet(chain.map(({ raw }) => raw))));
  return {
    items: [
      { name: `${base}.tsr`, bytes: reply },
      { name: `${base}.pem`, bytes: new TextEncoder().encode(chain.map(pem).join('')) },
      ...('bytes' in over ? [{ name: over.file, bytes: over.bytes }] : []),
      ...revocationOf(token, base),
    ],
    about: {
      base,
      by: isKnown ? standing.by : 'unknown',
      label: standing?.by === 'independent' ? standing.authority.label : signer.subject.name,
      over: 'digest' in over ? { digest: toHex(info.imprint.digest), token: position } : { file: over.file },
      atSeconds: Math.ceil(info.genTimeMs / 1000),
    },
  };
}

type Over =
  | { readonly file: string }
  | { readonly file: string; readonly bytes: Uint8Array }
  | { readonly digest: true };

/** What it is over: a file of the package, a document of its own, or a digest that the certificate leads to. */
function overOf({ inclusion, entryBytes }: Certificate, token: KnownToken, base: string): Over {
  if (token.type === 'rfc3161-manifest/1') return { file: 'manifest.json' };
  if (token.type === 'rfc3161-bulk/1') return { digest: true };
  const root = toHex(rootOfPath(entryBytes, inclusion.batch));
  const bytes = rootDocument({ ...token.log, root, size: inclusion.batch.size });
  return { file: `${base}.root.json`, bytes };
}

const revocationOf = (token: KnownToken, base: string): readonly PackageItem[] =>
  token.type === 'rfc3161-root/1'
    ? token.revocation.map(({ kind, value }, i) => ({
        name: `${base}.revocation-${i + 1}.${kind}`,
        bytes: value,
      }))
    : [];

/** RFC 7468: lines of 64 characters. */
const pem = ({ raw }: X509): string =>
  `-----BEGIN CERTIFICATE-----\n${encodeBase64(raw).replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
