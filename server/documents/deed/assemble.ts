import { type DeedSentence, deedSentence } from '../../messages/deed.ts';
import { beijing } from '../content.ts';
import { type AnnexItem, chineseDate, type DeedAgent, type DeedParty } from './content.ts';

/*
 * The text of a deed on preserved evidence (保全证据公证), put together from the case: what was asked for, what the notary
 * did and examined, what the checks found, and what is certified and what is not. A draft: the notary edits it, and
 * differences.ts shows where.
 */

export interface CheckedItem {
  readonly verdict: 'valid' | 'incomplete' | 'invalid';
  /** that verdict and why it was not another, for people, in Chinese */
  readonly verdictText: string;
  readonly reason: string;
  /** grade of its origin, as the manifest has it */
  readonly grade: string;
  /** how many of its files were hashed again at the desk, out of their bytes */
  readonly filesCompared: number;
  readonly item: AnnexItem;
}

export interface DeedFacts {
  readonly applicants: readonly DeedParty[];
  readonly agent: DeedAgent | null;
  readonly matter: string;
  /** its item in Article 11 of 公证法, in Chinese: 九, 十, 十一 */
  readonly matterItem: string;
  /** as the applicant stated them */
  readonly purpose: string;
  readonly obtained: string;
  /** ISO 8601 UTC */
  readonly appliedAt: string;
  readonly acceptedAt: string;
  /** when the items were checked for the last time before drafting */
  readonly checkedAt: string;
  /** where the notary fixed something himself: who was there, and what was done, step by step */
  readonly extraction: {
    readonly at: string;
    readonly place: string;
    readonly by: readonly string[];
    readonly steps: readonly string[];
  } | null;
  /** name of the service where the evidence was deposited */
  readonly service: string;
  readonly testChain: boolean;
  /** in the order of the annex */
  readonly items: readonly CheckedItem[];
}

export interface DeedText {
  /** 基本情况 */
  readonly basics: readonly string[];
  /** 证词 */
  readonly testimony: readonly string[];
}

export const assembleDeed = (facts: DeedFacts): DeedText => ({
  basics: basicsOf(facts),
  testimony: testimonyOf(facts),
});

const names = (parties: readonly { readonly name: string }[]): string =>
  parties.map(({ name }) => name).join('、');

function basicsOf(facts: DeedFacts): readonly string[] {
  const { applicants, agent, matter, appliedAt, acceptedAt, purpose, obtained, items, service } = facts;
  const asked = { applicants: names(applicants), date: chineseDate(appliedAt), matter };
  return [
    agent === null
      ? deedSentence('applied', asked)
      : deedSentence('applied-by-agent', { ...asked, agent: agent.name, authority: agent.authority }),
    deedSentence('accepted', { item: facts.matterItem, date: chineseDate(acceptedAt) }),
    deedSentence('purpose', { purpose: ended(purpose) }),
    deedSentence('obtained', { obtained: ended(obtained) }),
    items.length === 0
      ? deedSentence('deposited-none')
      : deedSentence('deposited', { items: items.length, files: filesIn(items), service }),
  ];
}

const filesIn = (items: readonly CheckedItem[]): number =>
  items.reduce((sum, { item }) => sum + item.files.length, 0);

/** What people wrote ends as a sentence does. */
const ended = (text: string): string =>
  /[。！？.!?]$/u.test(text.trim()) ? text.trim() : `${text.trim()}。`;

function testimonyOf(facts: DeedFacts): readonly string[] {
  const { items, extraction, testChain } = facts;
  return [
    deedSentence('examined'),
    ...extractionOf(facts),
    ...(items.length === 0 ? [] : [deedSentence('checked', { at: moment(facts.checkedAt) })]),
    ...(items.length === 0 ? [] : [...results(items), ...comparedFiles(items), ...origins(items)]),
    ...(testChain ? [deedSentence('test-chain')] : []),
    deedSentence(extraction === null ? 'certified' : 'certified-extraction'),
    deedSentence('not-certified'),
    deedSentence('attached'),
  ];
}

function extractionOf({ extraction }: DeedFacts): readonly string[] {
  if (extraction === null) return [];
  const { at, place, by, steps } = extraction;
  const numbered = steps.map((step, i) => `${i + 1}. ${ended(step)}`).join('');
  return [deedSentence('extracted', { at: moment(at), place, by: by.join('、'), steps: numbered })];
}

/** 二〇二六年十一月二十九日 14:05:09（北京时间） */
const moment = (at: string): string => `${chineseDate(at)} ${beijing(at).slice(11, 19)}（北京时间）`;

function results(items: readonly CheckedItem[]): readonly string[] {
  const valid = items.filter(({ verdict }) => verdict === 'valid').length;
  if (valid === items.length) return [deedSentence('result-all', { items: items.length })];
  const others = items
    .map((one, i) => ({ ...one, number: i + 1 }))
    .filter(({ verdict }) => verdict !== 'valid');
  return [
    deedSentence('result-some', { items: items.length, valid }),
    ...grouped(others, ({ verdictText, reason }) => `${verdictText}\n${reason}`).map((alike) =>
      deedSentence('result-other', {
        numbers: ranges(alike.map(({ number }) => number)),
        verdict: alike[0]!.verdictText,
        reason: ended(alike[0]!.reason),
      }),
    ),
  ];
}

/** In the order of the first of each; one sentence then speaks of hundreds of items. */
function grouped<T>(all: readonly T[], key: (one: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group === undefined) groups.set(key(one), [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function comparedFiles(items: readonly CheckedItem[]): readonly string[] {
  const compared = items.reduce((sum, { filesCompared }) => sum + filesCompared, 0);
  const rest = filesIn(items) - compared;
  return [
    ...(compared > 0 ? [deedSentence('files-compared', { compared })] : []),
    ...(rest > 0 ? [deedSentence('files-not-compared', { rest })] : []),
  ];
}

const GRADES: Readonly<Record<string, DeedSentence | undefined>> = {
  'verified-capture': 'origin-verified-capture',
  'device-capture': 'origin-device-capture',
  'unverified-upload': 'origin-unverified-upload',
};

/** A grade that is not known here counts as the lowest: nothing is certified that nobody looked at. */
function origins(items: readonly CheckedItem[]): readonly string[] {
  const graded = items.map(({ grade }, i) => ({
    sentence: GRADES[grade] ?? ('origin-unverified-upload' as const),
    number: i + 1,
  }));
  return grouped(graded, ({ sentence }) => sentence).map((alike) =>
    deedSentence(alike[0]!.sentence, { numbers: ranges(alike.map(({ number }) => number)) }),
  );
}

/** 1至3、5: hundreds of items in one sentence. */
export function ranges(ascending: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of ascending) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}至${to}`)).join('、');
}
