import { MAX_HEAD_BYTES } from '../case/head.ts';
import { MAX_CERTIFICATE_BYTES } from '../certificate/certificate.ts';
import { MAX_EVENT_BYTES } from '../entry/event.ts';
import { MAX_CONTENT_BYTES } from '../entry/event-content.ts';
import type { CaseEvent, CaseVerification, GivenHead, NameFinding } from '../verify/case.ts';
import { reason } from '../verify/report.ts';
import { CERTIFICATE, MAX_PACKAGE_ENTRIES, type PackedName } from './package.ts';

/*
 * The package of a case, EVENTS.md §6: what its names mean. A name that is none of these, one that stands there twice, an
 * event that is missing: each is found and told, and nothing else of the package is worth less for it.
 */

/** The longest procedure that anybody has heard of has some hundreds of steps. */
export const MAX_CASE_EVENTS = 10_000;

/** Pieces of evidence of one case, as many as one call may check. */
export const MAX_CASE_EVIDENCE = 1_000;

/** For each event its certificate and its content, the evidence, a head and what explains it all. */
export const MAX_CASE_ENTRIES = 2 * MAX_CASE_EVENTS + MAX_CASE_EVIDENCE + 1_000;

/** All that is held at once; a certificate of an event has some 8 KiB. */
export const MAX_CASE_BYTES = 512 * 1024 * 1024;

const EVENT = /^events\/([0-9]{6})\.(certificate|entry)\.json$/;
const CONTENT = /^contents\/([0-9]{6})\.json$/;
const EVIDENCE = /^evidence\/[0-9]{1,6}\/(?:[^/]+\.)?certificate\.json$/;
const HEAD = 'head.json';
/** Explains, and is not looked at; beside a certificate of evidence lies what belongs to it. */
const KNOWN = /^(?:README\.txt$|evidence\/)/;

/** `certificate.json` at the top makes a package one of a certificate, whatever else lies in it. */
export const isCasePackage = (entries: readonly PackedName[]): boolean =>
  entries.some(({ name }) => isOfCase(name)) && !entries.some(({ name }) => name === CERTIFICATE);

const isOfCase = (name: string): boolean => name.startsWith('events/');

/** How many names a package may list, which one of them tells; that of a case has more than others. */
export const entryLimit = (name: string): number => (isOfCase(name) ? MAX_CASE_ENTRIES : MAX_PACKAGE_ENTRIES);

interface ChosenEvent<Entry> {
  readonly place: number;
  readonly kind: 'certificate' | 'entry';
  readonly file: Entry;
  readonly content: Entry | undefined;
}

export interface ChosenCase<Entry> {
  /** by place */
  readonly events: readonly ChosenEvent<Entry>[];
  readonly heads: readonly Entry[];
  readonly evidence: readonly Entry[];
  readonly findings: readonly NameFinding[];
}

const wrong = (...[code, detail]: Parameters<typeof reason>): NameFinding => ({
  status: 'failed',
  reason: reason(code, detail),
});

export function chooseCase<Entry extends PackedName>(entries: readonly Entry[]): ChosenCase<Entry> {
  const files = entries.filter(({ isFolder }) => !isFolder);
  const findings: NameFinding[] = [];
  const once = new Map<string, Entry>();
  for (const file of files)
    if (once.has(file.name)) findings.push(wrong('case-name-twice', { name: file.name }));
    else once.set(file.name, file);
  const named = [...once.values()];
  const contents = new Map(
    named.flatMap((file) => {
      const [, place] = CONTENT.exec(file.name) ?? [];
      return place === undefined ? [] : [[Number(place), file] as const];
    }),
  );
  const events = eventsAmong(named, contents, findings);
  const places = new Set(events.map(({ place }) => place));
  for (const place of contents.keys())
    if (!places.has(place)) findings.push(wrong('case-content-alone', { index: place }));
  const evidence = named.filter(({ name }) => EVIDENCE.test(name));
  if (evidence.length > MAX_CASE_EVIDENCE)
    findings.push(wrong('case-evidence-too-many', { limit: MAX_CASE_EVIDENCE }));
  return {
    events,
    heads: named.filter(({ name }) => name === HEAD),
    evidence: evidence.slice(0, MAX_CASE_EVIDENCE),
    findings: [...findings, ...oddNames(named)],
  };
}

function eventsAmong<Entry extends PackedName>(
  files: readonly Entry[],
  contents: ReadonlyMap<number, Entry>,
  findings: NameFinding[],
): readonly ChosenEvent<Entry>[] {
  const events = new Map<number, ChosenEvent<Entry>>();
  for (const file of files) {
    const [, digits, kind] = EVENT.exec(file.name) ?? [];
    if (digits === undefined) continue;
    const place = Number(digits);
    const event = { place, kind: kind as 'certificate' | 'entry', file, content: contents.get(place) };
    if (events.has(place)) findings.push(wrong('case-event-both', { index: place }));
    if (!events.has(place) || kind === 'certificate') events.set(place, event);
  }
  if (events.size > MAX_CASE_EVENTS) findings.push(wrong('case-events-too-many', { limit: MAX_CASE_EVENTS }));
  return [...events.values()].toSorted((a, b) => a.place - b.place).slice(0, MAX_CASE_EVENTS);
}

function oddNames(files: readonly PackedName[]): readonly NameFinding[] {
  const odd = files.filter(
    ({ name }) => name !== HEAD && ![EVENT, CONTENT, EVIDENCE, KNOWN].some((known) => known.test(name)),
  );
  const [first] = odd;
  if (first === undefined) return [];
  return [{ status: 'unknown', reason: reason('case-name-odd', { name: first.name, count: odd.length }) }];
}

/** Out of a package: what a check of the case needs of it. */
export type CaseContents = Required<Pick<CaseVerification, 'events' | 'heads' | 'evidence' | 'names'>>;

/**
 * Unpacks what was chosen, one after the other; of each file one byte more than allowed, so that whoever checks it sees
 * that it is too large. `read` throws FormatError where a file cannot be unpacked or all of them are too large.
 */
export async function readCase<Entry extends PackedName>(
  chosen: ChosenCase<Entry>,
  read: (file: Entry, limit: number) => Promise<Uint8Array>,
): Promise<CaseContents> {
  const events: CaseEvent[] = [];
  for (const { place, kind, file, content } of chosen.events) {
    const limit = kind === 'certificate' ? MAX_CERTIFICATE_BYTES : MAX_EVENT_BYTES;
    const bytes = await read(file, limit + 1);
    events.push({
      place,
      ...(kind === 'certificate' ? { certificate: bytes } : { entry: bytes }),
      content: content && (await read(content, MAX_CONTENT_BYTES + 1)),
    });
  }
  const heads: GivenHead[] = [];
  for (const file of chosen.heads)
    heads.push({ bytes: await read(file, MAX_HEAD_BYTES + 1), name: file.name, from: 'package' });
  const evidence: CaseContents['evidence'][number][] = [];
  for (const file of chosen.evidence)
    evidence.push({ name: file.name, certificate: await read(file, MAX_CERTIFICATE_BYTES + 1) });
  return { events, heads, evidence, names: chosen.findings };
}
