import { beijing } from '../content.ts';
import { DeedProblem } from './problem.ts';

/*
 * What a deed says, before anything is drawn. It leaves the office and goes to courts and other people: identity numbers
 * are masked before they come here, and one that is not is refused.
 */

export interface DeedParty {
  readonly name: string;
  readonly kind: 'person' | 'organization';
  /** kind of document and its number, as `居民身份证 310***********1234` of a person; of an organization its code */
  readonly identity: string | null;
}

export interface DeedAgent extends DeedParty {
  /** by what he acts, as `授权委托书` */
  readonly authority: string;
}

export interface AnnexFile {
  readonly name: string;
  readonly size: number;
  /** hex */
  readonly sha256: string;
  readonly sm3: string | null;
}

export interface AnnexItem {
  readonly title: string;
  /** number; null where the item has none yet */
  readonly certificate: string | null;
  /** when it existed at the latest, by a clock that is not the operator's: ISO 8601 UTC; null where none says so */
  readonly provenAt: string | null;
  /** leaf hash, hex */
  readonly leaf: string;
  readonly files: readonly AnnexFile[];
}

export interface DeedContent {
  /** `uscc` null: an office whose code the service does not know */
  readonly office: { readonly name: string; readonly uscc: string | null };
  /** in the office's own format: number.ts */
  readonly number: string;
  readonly applicants: readonly DeedParty[];
  readonly agent: DeedAgent | null;
  /** 公证事项 */
  readonly matter: string;
  /** 基本情况, paragraphs */
  readonly basics: readonly string[];
  /** 证词, paragraphs */
  readonly testimony: readonly string[];
  readonly notary: string;
  /** the moment of issue, ISO 8601 UTC; printed is its day in China */
  readonly issuedAt: string;
  /** where anybody asks whether the deed is in force */
  readonly lookUp: { readonly url: string; readonly code: string };
  readonly testChain: boolean;
  readonly annex: readonly AnnexItem[];
}

/** A name of any length is printed, if it takes a page; beyond this somebody means harm. */
const MAX_TEXT = 4_000;
/** What a camera reads at the size that is printed. */
const MAX_LOOK_UP = 300;
/** Of a body in all: some fifty pages. */
const MAX_BODY = 50_000;
const MAX_PARTIES = 100;
/** Items, and files of all of them: the annex then has some 400 pages. */
const MAX_ITEMS = 2_000;
const MAX_FILES = 5_000;

const DIGEST = /^[0-9a-f]{64}$/;
/** Of a citizen's number 14 digits say where and when somebody was born. */
const TOO_MUCH = /[0-9]{14,}/;

/** A number of any document has digits, and a masked one has asterisks among them. */
const isUnmasked = (identity: string): boolean =>
  /\p{Nd}/u.test(identity) && (!/[*＊]/.test(identity) || TOO_MUCH.test(identity.replaceAll(/[\s-]/g, '')));

/** Throws DeedProblem where something could not be printed, or must not be. */
export function checkDeed(content: DeedContent): void {
  checkParties(content);
  checkTexts(content);
  if (!isInstant(content.issuedAt)) throw new DeedProblem('deed-date-invalid', { at: 'issuedAt' });
  checkAnnex(content.annex);
}

function checkParties({ applicants, agent }: DeedContent): void {
  if (applicants.length === 0) throw new DeedProblem('deed-field-empty', { at: 'applicants' });
  tooLong('applicants', applicants.length, MAX_PARTIES);
  for (const { kind, identity } of [...applicants, ...(agent === null ? [] : [agent])])
    if (kind === 'person' && identity !== null && isUnmasked(identity))
      throw new DeedProblem('deed-id-unmasked');
}

function checkTexts(content: DeedContent): void {
  const { office, number, applicants, agent, matter, basics, testimony, notary, lookUp } = content;
  const texts: readonly (readonly [string, string | null])[] = [
    ['office.name', office.name],
    ['office.uscc', office.uscc],
    ['number', number],
    ['matter', matter],
    ['notary', notary],
    ...[...applicants, ...(agent === null ? [] : [agent])].flatMap(({ name, identity }, i) => [
      [`parties[${i}].name`, name] as const,
      [`parties[${i}].identity`, identity] as const,
    ]),
    ['agent.authority', agent?.authority ?? null],
  ];
  for (const [at, text] of texts) checkText(at, text);
  checkText('lookUp.url', lookUp.url, MAX_LOOK_UP);
  checkText('lookUp.code', lookUp.code, MAX_LOOK_UP);
  const body = [...basics, ...testimony];
  if (testimony.every((paragraph) => paragraph.trim() === ''))
    throw new DeedProblem('deed-field-empty', { at: 'testimony' });
  tooLong(
    'testimony',
    body.reduce((sum, { length }) => sum + length, 0),
    MAX_BODY,
  );
}

function checkText(at: string, text: string | null, limit = MAX_TEXT): void {
  if (text === null) return;
  if (text.trim() === '') throw new DeedProblem('deed-field-empty', { at });
  tooLong(at, text.length, limit);
}

function tooLong(at: string, actual: number, limit: number): void {
  if (actual > limit) throw new DeedProblem('deed-field-too-long', { at, limit, actual });
}

function checkAnnex(annex: readonly AnnexItem[]): void {
  const files = annex.reduce((sum, item) => sum + item.files.length, 0);
  if (annex.length > MAX_ITEMS || files > MAX_FILES)
    throw new DeedProblem('deed-annex-too-long', { items: annex.length, files });
  const known = new Set<string>();
  annex.forEach((item, i) => {
    const at = `annex[${i}]`;
    checkText(`${at}.title`, item.title);
    for (const file of item.files) checkText(`${at}.files`, file.name);
    if (!digestsOf(item).every((digest) => DIGEST.test(digest)))
      throw new DeedProblem('deed-digest-invalid', { at });
    if (item.provenAt !== null && !isInstant(item.provenAt))
      throw new DeedProblem('deed-date-invalid', { at: `${at}.provenAt` });
    // Its certificate is attached under its number.
    if (item.certificate !== null && known.has(item.certificate))
      throw new DeedProblem('deed-certificate-twice', { number: item.certificate });
    if (item.certificate !== null) known.add(item.certificate);
  });
}

const digestsOf = ({ leaf, files }: AnnexItem): readonly string[] => [
  leaf,
  ...files.flatMap(({ sha256, sm3 }) => (sm3 === null ? [sha256] : [sha256, sm3])),
];

function isInstant(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text;
}

const DIGITS = [...'〇一二三四五六七八九'];

const digitByDigit = (number: string): string => [...number].map((digit) => DIGITS[Number(digit)]).join('');

/** Up to 31: 一, 十, 十一, 二十, 三十一. */
function counted(number: number): string {
  const tens = Math.floor(number / 10);
  const before = tens === 0 ? '' : `${tens === 1 ? '' : DIGITS[tens]!}十`;
  return before + (number % 10 === 0 ? '' : DIGITS[number % 10]!);
}

/** 二〇二六年十一月二十九日: the day in China, as deeds write it. */
export function chineseDate(at: string): string {
  const [year, month, day] = beijing(at).slice(0, 10).split('-') as [string, string, string];
  return `${digitByDigit(year)}年${counted(Number(month))}月${counted(Number(day))}日`;
}
