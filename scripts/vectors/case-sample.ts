import { buildCaseHead } from '../../server/core/case/head-build.ts';
import type { EventEntry } from '../../server/core/entry/event.ts';
import { type ChainedEvent, chainEvent, type EventDraft } from '../../server/core/entry/event-chain.ts';
import { contentDigest } from '../../server/core/entry/event-content.ts';
import { concat, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject, parseJson } from '../../server/core/read/json.ts';
import { buildTree, proofOffsets, rootOf } from '../../server/core/tree/tree.ts';
import type { CaseCheckId } from '../../server/core/verify/case-report.ts';
import type { Verdict } from '../../server/core/verify/report.ts';
import { type BlockCase, ourNode } from './cases.ts';
import {
  issuerCertificate,
  issuerKey,
  leafOf,
  type MadeTree,
  makeSample,
  type Sample,
  type SampleOptions,
  trustList,
} from './sample.ts';

/*
 * A case from its events up: each of them, its certificate, its content and the heads can be made another.
 */

export const CASE = '019ab1c2-0000-7000-8000-00000000ca5e';
export const OTHER_CASE = '019ab1c2-0000-7000-8000-00000000ca5f';
export const ORGANIZATION = '019ab1c0-0000-7000-8000-000000000001';
const OFFICE = '019ab1c0-0000-7000-8000-000000000009';
const PERSON = '019ab1c0-0000-7000-8000-0000000000aa';

export interface Step {
  readonly draft?: Partial<EventDraft>;
  /** put over the event that follows from the one before: what a writer of ours does not make */
  readonly raw?: Readonly<Record<string, Json>>;
  /** null: the event has none; a document otherwise */
  readonly content?: JsonObject | null;
  /** its root stands in the same log once more, later; that anchor before or behind the first in the certificate */
  readonly again?: 'before' | 'behind';
  /** of its certificate; null where it has none yet */
  readonly sample?: SampleOptions | null;
}

/** Application, request for correction, correction, acceptance. */
const COURSE = [
  { action: 'submit', to: 'submitted', role: 'applicant', organization: ORGANIZATION },
  { action: 'request-correction', to: 'to-correct', role: 'notary', organization: OFFICE },
  { action: 'correct', to: 'submitted', role: 'applicant', organization: ORGANIZATION },
  { action: 'accept', to: 'accepted', role: 'notary', organization: OFFICE },
] as const;

const digits = (n: number): string => String(n).padStart(2, '0');

export const contentOf = (index: number, changes: Readonly<Record<string, Json>> = {}): JsonObject => ({
  format: 'kezheng-notarization-content/1',
  note: `第 ${index} 步 "说明"`,
  salt: `${digits(index)}`.repeat(16),
  ...changes,
});

function draftOf(index: number, { draft, content = contentOf(index) }: Step): EventDraft {
  const { action, to, role, organization } = COURSE[index % COURSE.length]!;
  return {
    action,
    actor: { organization, person: PERSON, role },
    at: `2026-11-22T07:${digits(index)}:00.000Z`,
    case: CASE,
    content: content === null ? null : contentDigest(utf8(canonicalize(content))),
    id: `019ab1c2-0000-7000-8000-0000000000${digits(index)}`,
    procedure: 'notarization/1',
    salt: `${digits(90 - index)}`.repeat(16),
    to,
    ...draft,
  };
}

export interface MadeEvent extends ChainedEvent {
  readonly entry: Uint8Array;
  readonly content: Uint8Array | undefined;
  /** undefined while it has no certificate */
  readonly sample: Sample | undefined;
}

/** Events without certificates. */
function chainOf(steps: readonly Step[]): readonly JsonObject[] {
  const documents: JsonObject[] = [];
  let before: ChainedEvent | undefined;
  for (const [index, step] of steps.entries()) {
    const { event } = chainEvent(before, draftOf(index, step));
    const document = { ...event, ...step.raw } as unknown as JsonObject;
    before = { event: document as unknown as EventEntry, leaf: leafOf(document) };
    documents.push(document);
  }
  return documents;
}

/** The events one after the other, each in a batch and a block of its own unless it says otherwise. */
export async function makeEvents(
  steps: readonly Step[],
  together?: readonly number[],
): Promise<readonly MadeEvent[]> {
  const documents = chainOf(steps);
  const trees = together && inOneBatch(documents, together);
  const made: MadeEvent[] = [];
  for (const [index, entry] of documents.entries()) {
    const { sample, again, content = contentOf(index) } = steps[index]!;
    const alone = { logIndex: 7 + index, block: { number: 1_000 + index } };
    const place = trees
      ? { tree: trees[index]! }
      : again
        ? { ...alone, ...(await twice(entry, index, again)) }
        : alone;
    made.push({
      event: entry as unknown as EventEntry,
      leaf: leafOf(entry),
      entry: utf8(canonicalize(entry)),
      content: content === null ? undefined : utf8(canonicalize(content)),
      sample: sample === null ? undefined : await makeSample({ entry, ...place, ...sample }),
    });
  }
  return made;
}

/** Two anchors of one root, the other in a later block that nobody compares. */
async function twice(entry: JsonObject, index: number, again: 'before' | 'behind'): Promise<SampleOptions> {
  const later = await makeSample({ entry, logIndex: 50 + index, block: { number: 3_000 + index } });
  const [other] = (parseJson(later.bytes) as { readonly anchors: readonly JsonObject[] }).anchors;
  return { anchors: (anchor) => (again === 'before' ? [other!, anchor] : [anchor, other!]) };
}

/** One batch with all of them, the first at `places[0]` and so on. */
function inOneBatch(entries: readonly JsonObject[], places: readonly number[]): readonly MadeTree[] {
  const leaves = entries.map((_, place) => leafOf(entries[places.indexOf(place)]!));
  const nodes = buildTree(concat(...leaves));
  const size = leaves.length;
  return places.map((index) => {
    const hashes = proofOffsets(index, size).map((offset) => toHex(nodes.slice(offset, offset + 32)));
    return { root: rootOf(nodes), size, step: { hashes, index, size, type: 'batch' } };
  });
}

export const headOf = (
  event: ChainedEvent,
  { at = '2026-11-22T07:30:00.000Z', x5c = [issuerCertificate], sign = issuerKey.sign } = {},
): Promise<Uint8Array> => buildCaseHead(event, at, x5c, async (bytes) => sign(bytes));

export interface CaseVectorEvent {
  readonly place: number;
  readonly certificate?: Uint8Array;
  readonly entry?: Uint8Array;
  readonly content?: Uint8Array | undefined;
}

export interface CaseVector {
  readonly name: string;
  readonly events: readonly CaseVectorEvent[];
  readonly heads: readonly { readonly bytes: Uint8Array; readonly from: 'package' | 'holder' }[];
  readonly evidence: readonly Uint8Array[];
  readonly trust: JsonObject | undefined;
  readonly blocks: readonly BlockCase[];
  readonly expect: { readonly verdict: Verdict; readonly failed: readonly CaseCheckId[] };
}

/** What a package has of these events. */
export const given = (made: readonly MadeEvent[]): readonly CaseVectorEvent[] =>
  made.map(({ sample, entry, content }, place) => ({
    place,
    ...(sample ? { certificate: sample.bytes } : { entry }),
    content,
  }));

export const nodeSays = (made: readonly MadeEvent[]): readonly BlockCase[] =>
  made.flatMap(({ sample }) => (sample ? ourNode(sample) : []));

export interface CaseVectorOptions {
  readonly steps?: readonly Step[];
  /** all events in one batch, at these places of it */
  readonly together?: readonly number[];
  /** what is given of the events that were made */
  readonly events?: (made: readonly MadeEvent[]) => readonly CaseVectorEvent[];
  readonly heads?: (made: readonly MadeEvent[]) => Promise<CaseVector['heads']> | CaseVector['heads'];
  readonly evidence?: readonly Sample[];
  readonly trust?: JsonObject | null;
  readonly blocks?: (made: readonly MadeEvent[]) => readonly BlockCase[];
}

export const FOUR: readonly Step[] = [{}, {}, {}, {}];

export async function caseVector(
  name: string,
  verdict: Verdict,
  failed: readonly CaseCheckId[],
  options: CaseVectorOptions = {},
): Promise<CaseVector> {
  const made = await makeEvents(options.steps ?? FOUR, options.together);
  const { evidence = [], trust = trustList() } = options;
  return {
    name,
    events: (options.events ?? given)(made),
    heads: (await options.heads?.(made)) ?? [],
    evidence: evidence.map(({ bytes }) => bytes),
    trust: trust ?? undefined,
    blocks: options.blocks?.(made) ?? [...nodeSays(made), ...evidence.map(ourNode)],
    expect: { verdict, failed },
  };
}
