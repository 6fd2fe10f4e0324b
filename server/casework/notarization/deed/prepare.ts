import { toHex } from '../../../core/read/bytes.ts';
import { signedAttributes } from '../../../core/read/encode-cms.ts';
import { beijing } from '../../../documents/content.ts';
import type { DeedContent } from '../../../documents/deed/content.ts';
import { deedNumberTemplate, formatDeedNumber } from '../../../documents/deed/number.ts';
import { prepareDeed } from '../../../documents/deed/prepare.ts';
import { DeedProblem } from '../../../documents/deed/problem.ts';
import { readDeedText } from '../../../documents/deed/text.ts';
import type { DeedJob, Unsigned } from '../../../documents/pdf/program.ts';
import { type CertificateDeps, certificateOf } from '../../../pipeline/certificate.ts';
import type { CaseStore } from '../../../ports/cases.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CaseRecord } from '../../engine/case.ts';
import { dataOf, ownerOf } from '../look-up.ts';
import { certificatesIn, officeOf } from '../office.ts';
import { annexItem, type FactsDeps, matterText } from './facts.ts';
import {
  type AboutPrepared,
  basisOf,
  codeOf,
  keepPrepared,
  type Papers,
  preparedOf,
  sealedOf,
} from './papers.ts';
import { partiesOf } from './parties.ts';

export interface PrepareDeps extends FactsDeps {
  readonly store: FactsDeps['store'] & Papers & Pick<CaseStore, 'takeSerial' | 'officeSettings'>;
  readonly clock: Clock;
  readonly certificates: CertificateDeps;
  readonly publicUrl: () => string;
  /** draws it, on another thread */
  readonly render: (job: DeedJob) => Promise<Unsigned>;
}

export interface Wanted {
  /** as whoever prepares it believes it to be: refused where another was approved */
  readonly text?: string | undefined;
  /** with which of the office's certificates it is going to be signed */
  readonly chain: number;
  /** who signs it, as his account has it */
  readonly notary: string;
}

export interface PreparedAnswer extends AboutPrepared {
  /** DER of the SET of signed attributes, for a device that does not make them */
  readonly signedAttributes: Uint8Array;
}

/** Draws the deed of the decision that stands, and keeps it until it is signed. Throws DeedProblem. */
export async function prepare(
  deps: PrepareDeps,
  record: CaseRecord,
  { text, chain, notary }: Wanted,
): Promise<PreparedAnswer> {
  const basis = basisOf(record)!;
  if ((await sealedOf(deps.store, record.id)).some((one) => one.basis === basis))
    throw new DeedProblem('deed-already-sealed');
  const office = dataOf(record).application!.office;
  const signer = certificatesIn((await officeOf(deps.store, office)).chains[chain] ?? '')[0];
  if (signer === undefined) throw new DeedProblem('deed-chain-not-registered', { chain });
  const nowMs = deps.clock.nowMs();
  const { annex, certificates, testChain } = await annexOf(deps, record);
  const content: DeedContent = {
    ...(await headOf(deps, record, nowMs)),
    ...readDeedText(textFor(record, text)),
    notary,
    issuedAt: new Date(nowMs).toISOString(),
    testChain,
    annex,
  };
  const drawn = await prepareDeed({ content, certificates, signer, signedMs: nowMs, render: deps.render });
  const { byteRange } = drawn;
  const about = { number: content.number, digest: toHex(drawn.digest), byteRange, basis };
  await keepPrepared(deps.store, record.id, about, drawn.pdf);
  return { ...about, signedAttributes: signedAttributes(drawn.digest, signer) };
}

/** The one that was approved, whatever its notary would like better now: what else is brought is no deed. */
function textFor(record: CaseRecord, given: string | undefined): string {
  const { draft, deedCorrection } = dataOf(record);
  const { text } = record.state === 'approved' ? draft! : deedCorrection!;
  if (given !== undefined && given !== text) throw new DeedProblem('deed-text-misplaced');
  return text;
}

async function headOf(deps: PrepareDeps, record: CaseRecord, nowMs: number) {
  const application = dataOf(record).application!;
  const office = (await deps.store.organization(application.office))!;
  const number = await numberFor(deps, record, nowMs);
  const code = await codeOf(deps.store, record.id);
  const url = `${deps.publicUrl()}/d/${encodeURIComponent(number)}?code=${code}`;
  return {
    office: { name: office.name, uscc: office.uscc ?? null },
    number,
    ...(await partiesOf(deps, application)),
    matter: matterText(application),
    lookUp: { url, code },
  };
}

/**
 * A case has one number, whatever is drawn for it again: that of the deed in force, or of what was drawn before. A crash
 * after a serial number was taken leaves it with the case, which takes the same one again within the year.
 */
async function numberFor(deps: PrepareDeps, record: CaseRecord, nowMs: number): Promise<string> {
  const issued = dataOf(record).deed?.versions[0]?.number;
  if (issued !== undefined) return issued;
  const earlier = (await preparedOf(deps.store, record.id))?.about.number;
  if (earlier !== undefined && (await isFree(deps, record, earlier))) return earlier;
  const { office } = dataOf(record).application!;
  const { deedNumber } = await officeOf(deps.store, office);
  if (deedNumber === null) throw new DeedProblem('deed-office-not-set', { at: 'deedNumber' });
  const template = deedNumberTemplate(deedNumber.template, deedNumber.region);
  const year = Number(beijing(new Date(nowMs).toISOString()).slice(0, 4));
  const serial = await deps.store.takeSerial(`deed/${office}/${year}`, record.id);
  const number = formatDeedNumber(template, { year, serial });
  if (!(await isFree(deps, record, number))) throw new DeedProblem('deed-number-taken', { number });
  return number;
}

/** Two offices may have chosen formats that write the same number. */
async function isFree({ store }: PrepareDeps, record: CaseRecord, number: string): Promise<boolean> {
  const known = await store.deedByNumber(number);
  return known === undefined || known.case === record.id;
}

/** Every item looked at anew. A correction may be of a deed whose evidence has been lost since: it says what is there. */
async function annexOf(deps: PrepareDeps, record: CaseRecord) {
  const data = dataOf(record);
  const { application, draft } = data;
  const annex: DeedContent['annex'][number][] = [];
  const certificates = new Map<string, Uint8Array>();
  let testChain = false;
  for (const id of draft!.annex) {
    const item = application!.evidence.find((one) => one.id === id)!;
    const owner = ownerOf(data, id);
    const check = await deps.checkEvidence(owner, id);
    const { title } = item;
    const isUnfit = check.leaf !== item.leaf || (record.state === 'approved' && check.verdict !== 'valid');
    if (isUnfit) throw new DeedProblem('deed-item-unproven', { title, verdict: check.verdict });
    annex.push(annexItem(item, check));
    if (check.testChain === true) testChain = true;
    const entry = await deps.store.evidence(owner, id);
    const stored = entry && (await certificateOf(deps.certificates, entry));
    if (stored !== undefined && check.certificate !== undefined)
      certificates.set(check.certificate, stored.bytes);
  }
  return { annex, certificates, testChain };
}
