import { createHash } from 'node:crypto';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { toHex, utf8 } from '../../server/core/read/bytes.ts';
import type { ComparedBlock } from '../../server/core/verify/anchors.ts';
import { verifyCase } from '../../server/core/verify/case.ts';
import type { CaseStep } from '../../server/ports/cases.ts';
import { EVENTS_ID } from '../../server/ports/identity.ts';
import { partsOf } from './case-room.ts';
import type { KeptCaseEvent } from './cases.ts';
import type { CasePackage } from './instance.ts';
import { TRUST } from './issuer.ts';
import type { Lock } from './lock.ts';
import type { Life, Schedule } from './schedule.ts';
import type { Commit, Database, KeptEntry } from './store.ts';

/*
 * What must hold of cases. As in invariants.ts, nothing here uses what it judges: events are read as plain JSON, and a
 * leaf is hashed from the entry's own bytes. Only what somebody takes with him is checked as everybody checks it.
 */

export interface CaseWorld {
  readonly schedule: Schedule;
  readonly database: Database;
  readonly lock: Lock;
  /** blocks that everybody knows by now */
  readonly blocks: () => readonly ComparedBlock[];
}

export interface CaseWatch {
  committed(commit: Commit, life: Life): void;
  told(word: string, outcome: 'done' | 'refused', isFirst: boolean): void;
  given(head: Uint8Array): void;
  took(taken: CasePackage): void;
  /** What anybody holds a head of is there. */
  checkHeads(): void;
  checkAll(): Promise<void>;
}

interface Head {
  readonly case: string;
  readonly count: number;
  readonly last: string;
  readonly state: string;
}

interface Told {
  readonly actor: { readonly role: string };
  readonly case: string;
  readonly from: string | null;
  readonly id: string;
  readonly index: number;
  readonly previous: string | null;
  readonly to: string;
}

const leafOf = (entry: string): string =>
  createHash('sha256').update(Uint8Array.of(0)).update(entry).digest('hex');
const wordOf = (content: string | undefined): string | undefined =>
  content === undefined ? undefined : (JSON.parse(content) as { word?: string }).word;

/** Of the heads of one case those that are checked like signatures of anything: the last. */
const HEADS = 3;

export function watchCases({ schedule, database, lock, blocks }: CaseWorld): CaseWatch {
  const fail = schedule.fail;
  const heads: { readonly head: Head; readonly bytes: Uint8Array }[] = [];
  const packages: CasePackage[] = [];
  const answers: { readonly word: string; readonly outcome: string; readonly isFirst: boolean }[] = [];
  /** what a driver did a second time: the answer is of that time, and says that the first one was faster */
  const twice = new Set<string | undefined>();
  /** entries of steps that came too late */
  const late = new Set<string>();

  const tables = () => database.tables.casework;
  const eventsOf = (id: string): readonly KeptCaseEvent[] =>
    tables()
      .events.filter((one) => one.case === id)
      .toSorted((a, b) => a.index - b.index);
  const entryOf = (event: KeptCaseEvent): KeptEntry | undefined =>
    database.tables.entries.find(({ sequence }) => sequence === event.sequence);

  /** The event and the one before it, as the log has them. */
  function checkLink(event: KeptCaseEvent, before: KeptCaseEvent | undefined): Told | undefined {
    const name = `event ${event.index} of ${event.case}`;
    const entry = entryOf(event);
    if (entry?.organization !== EVENTS_ID) {
      fail(`${name} is not in the log`);
      return undefined;
    }
    const told = JSON.parse(entry.entry) as Told;
    const wanted = { case: event.case, index: event.index, id: entry.id, previous: before?.leaf ?? null };
    for (const [key, value] of Object.entries(wanted))
      if (told[key as keyof Told] !== value) fail(`${name} has another ${key}: ${told[key as keyof Told]}`);
    if (leafOf(entry.entry) !== event.leaf || toHex(entry.leaf) !== event.leaf)
      fail(`the leaf of ${name} is not of its bytes`);
    if (event.index !== (before === undefined ? 0 : before.index + 1)) fail(`${name} follows a gap`);
    if (before !== undefined && before.sequence >= event.sequence) fail(`${name} is in the log too early`);
    const earlier = before && entryOf(before);
    if (before !== undefined && earlier === undefined) fail(`what ${name} hangs on is not in the log`);
    const from = earlier === undefined ? null : (JSON.parse(earlier.entry) as Told).to;
    if (told.from !== from) fail(`${name} starts from ${told.from}, and it stood at ${from}`);
    return told;
  }

  function checkCase(id: string): void {
    const row = tables().cases.get(id)!;
    const events = eventsOf(id);
    const last = events.at(-1);
    for (const [i, event] of events.entries()) checkLink(event, events[i - 1]);
    if (row.events !== events.length || row.last !== last?.leaf)
      fail(`case ${id} counts ${row.events} events and has ${events.length}`);
    const { to } = JSON.parse((last && entryOf(last)?.entry) ?? '{}') as Partial<Told>;
    if (row.state !== to) fail(`case ${id} is ${row.state}, its last event led to ${to}`);
    const parties = (tables().parties.get(id) ?? []).map(
      ({ organization, part }) => `${organization} ${part}`,
    );
    const { isHeld } = JSON.parse(row.data) as { isHeld: boolean };
    if (parties.join() !== partsOf(isHeld).join()) fail(`case ${id} has the parties of another step`);
  }

  function checkStep({ case: of }: CaseStep, entry: KeptEntry, life: Life): void {
    const events = eventsOf(of.id);
    const event = events.at(-1)!;
    const before = events.at(-2);
    if (event.sequence !== entry.sequence || event.index === before?.index)
      fail(`case ${of.id} was branched at ${event.index}`);
    const told = checkLink(event, before);
    if (told?.actor.role === 'system' && !lock.hasLed(life))
      fail(`${life.name} wrote what a clock asked for and never led`);
    if (tables().cases.get(of.id)!.events !== events.length) fail(`case ${of.id} miscounts its events`);
  }

  function notStepped({ entry, content }: CaseStep): void {
    if (database.tables.entries.some(({ id }) => id === entry.id)) twice.add(wordOf(content));
    else late.add(entry.id);
  }

  function checkHead({ case: id, count, last, state }: Head): void {
    const event = eventsOf(id).find(({ index }) => index === count - 1);
    const entry = event && entryOf(event);
    if (entry === undefined) fail(`event ${count - 1} of ${id}, of which there is a head, is lost`);
    else if (event?.leaf !== last || leafOf(entry.entry) !== last)
      fail(`event ${count - 1} of ${id} is not the one of which there is a head`);
    else if ((JSON.parse(entry.entry) as Told).to !== state) fail(`the head of ${id} names another state`);
  }

  function checkHeads(): void {
    for (const { head } of heads) checkHead(head);
  }

  /** Once for whoever was told at the first time that it was done; for whoever was refused at the first time not at all. */
  function checkAnswers(): void {
    const words = tables().events.map(({ content }) => wordOf(content));
    for (const { word, outcome, isFirst } of answers) {
      const count = words.filter((one) => one === word).length;
      if (outcome === 'done' && (count === 0 || (isFirst && count > 1 && !twice.has(word))))
        fail(`${word} was done, and ${count} events say so`);
      if (outcome === 'refused' && isFirst && count > 0 && !twice.has(word))
        fail(`${word} was refused, and is an event`);
    }
  }

  function checkLog(): void {
    const ofCases = tables().events.map(({ sequence }) => sequence);
    if (new Set(ofCases).size !== ofCases.length) fail('two events are one entry of the log');
    const known = new Set(ofCases);
    for (const { organization, sequence, id } of database.tables.entries) {
      if (organization === EVENTS_ID && !known.has(sequence))
        fail(`entry ${sequence} is an event of no case`);
      if (late.has(id)) fail(`entry ${sequence} is of a step that came too late`);
    }
    for (const event of tables().events)
      if (!tables().cases.has(event.case)) fail(`an event of ${event.case}, and no case`);
  }

  async function verify({ id, events, head }: CasePackage): Promise<void> {
    const kept = heads.filter((one) => one.head.case === id && one.head.count <= events.length);
    const report = await verifyCase({
      events: events.map(({ certificate, content }, place) => ({
        ...{ place, certificate },
        ...(content !== undefined && { content: utf8(content) }),
      })),
      heads: [
        { bytes: head, name: 'head.json', from: 'package' },
        ...kept.slice(-HEADS).map(({ bytes }) => ({ bytes, name: 'kept', from: 'holder' as const })),
      ],
      ...{ trust: TRUST, blocks: blocks(), signatures: nodeSignatures },
    });
    const open = report.checks.filter(({ status }) => status === 'failed' || status === 'unknown');
    if (report.verdict !== 'valid' || open.length > 0)
      fail(`case ${id} is ${report.verdict}: ${open.map(({ reason }) => reason.code).join(', ')}`);
  }

  return {
    committed(commit, life) {
      if (commit.what === 'step') checkStep(commit.step, commit.entry, life);
      else if (commit.what === 'not-stepped') notStepped(commit.step);
    },
    told: (word, outcome, isFirst) => void answers.push({ word, outcome, isFirst }),
    given(bytes) {
      const head = JSON.parse(Buffer.from(bytes).toString('utf8')) as Head;
      heads.push({ head, bytes });
      checkHead(head);
    },
    took: (taken) => void packages.push(taken),
    checkHeads,
    async checkAll() {
      checkHeads();
      checkLog();
      checkAnswers();
      for (const id of tables().cases.keys()) checkCase(id);
      for (const taken of packages) await verify(taken);
    },
  };
}
