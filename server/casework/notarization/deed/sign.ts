import { createHash } from 'node:crypto';
import { fromHex } from '../../../core/read/bytes.ts';
import { detachedCms, signedAttributes } from '../../../core/read/encode-cms.ts';
import { parseCertificate, parsePublicKey } from '../../../core/read/x509.ts';
import type { SignatureVerifier } from '../../../core/verify/signatures.ts';
import { DeedProblem } from '../../../documents/deed/problem.ts';
import { type OfficeSeal, type SealedDeed, sealDeed, signDeed } from '../../../documents/deed/seal.ts';
import type { Ranged } from '../../../documents/pdf/seal.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { OfficeSignature } from '../../../ports/office-key.ts';
import type { CaseRecord } from '../../engine/case.ts';
import { dataOf } from '../look-up.ts';
import { certificatesIn, officeOf } from '../office.ts';
import type { FactsDeps } from './facts.ts';
import { type AboutSealed, basisOf, keepSealed, type Papers, preparedOf, sealedOf } from './papers.ts';

/** What the notary brings: the office's key for this one time, or what its device made. */
export type Signing =
  | { readonly pkcs12: Uint8Array; readonly passphrase: string }
  | { readonly cms: Uint8Array }
  /** over the signed attributes, by the key of this chain */
  | { readonly signature: Uint8Array; readonly chain: number };

export interface SignDeps {
  readonly store: Papers & FactsDeps['store'];
  readonly clock: Clock;
  readonly verifier: SignatureVerifier;
  readonly stamp: OfficeSeal['stamp'];
  readonly unlock: (
    pfx: Uint8Array,
    passphrase: string,
    nowMs: number,
    bytesToSign: (certificates: readonly Uint8Array[]) => Uint8Array,
  ) => Promise<OfficeSignature>;
}

/**
 * The signed deed of the decision that stands: as it was kept where this was done before, whatever is brought now; else
 * signed, checked, stamped and kept. Throws DeedProblem and Pkcs12Problem.
 */
export async function seal(deps: SignDeps, record: CaseRecord, signing: Signing): Promise<AboutSealed> {
  const basis = basisOf(record);
  const known = (await sealedOf(deps.store, record.id)).find((one) => one.basis === basis);
  if (known !== undefined) return known;
  const prepared = await preparedOf(deps.store, record.id);
  if (prepared === undefined || prepared.about.basis !== basis) throw new DeedProblem('deed-not-prepared');
  const { number, digest } = prepared.about;
  const office = await officeSeal(deps, dataOf(record).application!.office);
  const sealed = await signed(deps, prepared, office, signing);
  const { pdf, signer, stampedMs } = sealed;
  const sha256 = createHash('sha256').update(pdf).digest('hex');
  return keepSealed(deps.store, record.id, { number, digest, basis, sha256, signer, stampedMs }, pdf);
}

async function officeSeal(deps: SignDeps, office: string): Promise<OfficeSeal> {
  const { chains } = await officeOf(deps.store, office);
  if (chains.length === 0) throw new DeedProblem('deed-office-not-set', { at: 'chains' });
  const { verifier, stamp } = deps;
  return { registered: chains.map(certificatesIn), nowMs: deps.clock.nowMs(), verifier, stamp };
}

interface Prepared {
  readonly about: { readonly digest: string };
  readonly ranged: Ranged;
}

async function signed(
  deps: SignDeps,
  { about, ranged }: Prepared,
  office: OfficeSeal,
  signing: Signing,
): Promise<SealedDeed> {
  if ('cms' in signing) return sealDeed(ranged, signing.cms, office);
  if ('pkcs12' in signing)
    return signDeed(ranged, office, (bytesToSign) =>
      deps.unlock(signing.pkcs12, signing.passphrase, office.nowMs, bytesToSign),
    );
  const certificates = office.registered[signing.chain];
  if (certificates === undefined)
    throw new DeedProblem('deed-chain-not-registered', { chain: signing.chain });
  const [own] = certificates as [Uint8Array];
  const cms = detachedCms({
    attributes: signedAttributes(fromHex(about.digest, 32), own),
    signature: signing.signature,
    algorithm: algorithmOf(own),
    certificates,
  });
  return sealDeed(ranged, cms, office);
}

const algorithmOf = (certificate: Uint8Array) =>
  parsePublicKey(parseCertificate(certificate).spki).kind === 'rsa'
    ? 'sha256WithRSAEncryption'
    : 'ecdsa-with-SHA256';
