import { randomBytes } from 'node:crypto';
import type { ByteRange, Ranged } from '../../../documents/pdf/seal.ts';
import type { CasePaper, CaseStore } from '../../../ports/cases.ts';
import type { CaseRecord } from '../../engine/case.ts';
import { dataOf } from '../look-up.ts';

/*
 * The papers that a case of notarization keeps: the code of its deed, the deed that waits for a signature, and each that
 * was signed. The code and what was signed never change.
 */

export type Papers = Pick<CaseStore, 'keepPaper' | 'replacePaper' | 'paper' | 'papersOf'>;

export interface AboutPrepared {
  readonly number: string;
  /** SHA-256 of all bytes but the place of the signature, hex */
  readonly digest: string;
  readonly byteRange: ByteRange;
  /** on what decision it rests: of `basisOf` */
  readonly basis: string;
}

export interface AboutSealed extends Pick<AboutPrepared, 'number' | 'digest' | 'basis'> {
  /** of the whole signed file, hex */
  readonly sha256: string;
  /** subject of the certificate that signed */
  readonly signer: string;
  readonly stampedMs: number;
}

const PREPARED = 'prepared';
const SEALED = 'sealed:';
const CODE = 'code';

/** The approval, of a draft or of a correction, for which a deed is drawn: one that was drawn for another is not issued. */
export function basisOf(record: CaseRecord): string | undefined {
  const { approval, recheck, deedCorrection } = dataOf(record);
  if (record.state === 'approved' && approval !== null) return `draft/${approval.version}/${approval.atMs}`;
  const decided = deedCorrection?.approval;
  if (record.state === 'under-recheck' && recheck !== null && decided)
    return `recheck/${recheck.atMs}/${deedCorrection.version}/${decided.atMs}`;
  return undefined;
}

export async function preparedOf(papers: Papers, id: string) {
  const paper = await papers.paper(id, PREPARED);
  if (paper === undefined) return undefined;
  const about = JSON.parse(paper.about) as AboutPrepared;
  const ranged: Ranged = { pdf: paper.bytes, byteRange: about.byteRange };
  return { about, ranged };
}

export const keepPrepared = (papers: Papers, id: string, about: AboutPrepared, bytes: Uint8Array) =>
  papers.replacePaper({ case: id, name: PREPARED, about: JSON.stringify(about), bytes });

export async function sealedOf(papers: Papers, id: string): Promise<readonly AboutSealed[]> {
  const all = await papers.papersOf(id);
  return all.filter(({ name }) => name.startsWith(SEALED)).map(aboutSealed);
}

const aboutSealed = ({ about }: Pick<CasePaper, 'about'>): AboutSealed => JSON.parse(about) as AboutSealed;

/** By what was signed: of two signatures over it the first one counts, whoever made the other. */
export async function keepSealed(
  papers: Papers,
  id: string,
  about: AboutSealed,
  bytes: Uint8Array,
): Promise<AboutSealed> {
  const paper = { case: id, name: SEALED + about.digest, about: JSON.stringify(about), bytes };
  return aboutSealed(await papers.keepPaper(paper));
}

export async function sealedFile(papers: Papers, id: string, sha256: string) {
  const about = (await sealedOf(papers, id)).find((one) => one.sha256 === sha256);
  const paper = about && (await papers.paper(id, SEALED + about.digest));
  return about && paper && { about, bytes: paper.bytes };
}

/** Crockford's base 32: no letter of it is taken for a digit. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Five bits each: 80 of them nobody guesses, whatever he is allowed to ask. */
const CODE_LENGTH = 16;

/** What a look-up of the case's deed needs besides its number: random, made once. */
export async function codeOf(papers: Papers, id: string): Promise<string> {
  const kept = await papers.paper(id, CODE);
  const paper = kept ?? (await papers.keepPaper(newCode(id)));
  return (JSON.parse(paper.about) as { code: string }).code;
}

function newCode(id: string): CasePaper {
  const letters = Array.from(randomBytes(CODE_LENGTH), (byte) => ALPHABET[byte % 32]!).join('');
  const about = JSON.stringify({ code: grouped(letters) });
  return { case: id, name: CODE, about, bytes: new Uint8Array() };
}

const grouped = (letters: string): string => letters.replace(/.{4}(?=.)/g, '$&-');

/** As it is printed, whatever somebody made of its hyphens and of letters that look like digits. */
export const normalCode = (typed: string): string =>
  grouped(
    typed
      .normalize('NFKC')
      .toUpperCase()
      .replaceAll(/[^0-9A-Z]/g, '')
      .replaceAll('O', '0')
      .replaceAll(/[IL]/g, '1'),
  );
