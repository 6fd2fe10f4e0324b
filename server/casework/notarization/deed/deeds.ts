import { assembleDeed } from '../../../documents/deed/assemble.ts';
import { type Difference, differences } from '../../../documents/deed/differences.ts';
import { DeedProblem } from '../../../documents/deed/problem.ts';
import { deedTextOf } from '../../../documents/deed/text.ts';
import { createTurns, createTurnsByName } from '../../../identity/turns.ts';
import type { CaseStore, StoredCase } from '../../../ports/cases.ts';
import type { Actors, Cases } from '../../cases.ts';
import type { Refused } from '../../engine/act.ts';
import type { Actor, CaseRecord } from '../../engine/case.ts';
import { inputProblem } from '../../engine/input.ts';
import type { Possible } from '../../engine/possible.ts';
import { recordOf } from '../../room.ts';
import type { DeedVersion } from '../data.ts';
import { Correct, Issue } from '../inputs.ts';
import { dataOf } from '../look-up.ts';
import { whoIs } from '../who.ts';
import { type DeedDepositDeps, depositDeed } from './deposit.ts';
import { deedFacts } from './facts.ts';
import { type AboutSealed, preparedOf, sealedFile } from './papers.ts';
import { type PrepareDeps, type PreparedAnswer, prepare, type Wanted } from './prepare.ts';
import { type SignDeps, type Signing, seal } from './sign.ts';

/*
 * From an approved draft to the deed: its text, the document that waits for a signature, the signature, the office's own
 * deposit of what was signed, and the action that makes it the deed. Each step leaves what the next one needs, so that
 * after a crash or a lost answer the same call goes on where it was, and does nothing twice.
 */

export interface DeedsDeps extends PrepareDeps, SignDeps {
  readonly store: PrepareDeps['store'] &
    SignDeps['store'] &
    DeedDepositDeps['store'] &
    Pick<CaseStore, 'caseById'>;
  readonly cases: Cases;
  readonly deposits: Omit<DeedDepositDeps, 'store'>;
}

export type Prepared = { readonly outcome: 'done' } & PreparedAnswer;

export interface Signed extends Omit<AboutSealed, 'basis'> {
  readonly outcome: 'done';
  readonly deposit: string;
  /** kezheng-case-head/1 */
  readonly head: Uint8Array;
  readonly events: number;
}

export interface Deeds {
  /** What the actor is in the case: such as `handling-notary`. */
  whoIn(stored: StoredCase, actors: Actors): readonly string[];
  /** As it is put together from the case now. Throws DeedProblem. */
  text(stored: StoredCase): Promise<string>;
  /** What the draft says otherwise. Throws DeedProblem. */
  differences(stored: StoredCase): Promise<readonly Difference[]>;
  prepare(stored: StoredCase, actors: Actors, wanted: Omit<Wanted, 'notary'>): Promise<Prepared | Refused>;
  /** The document that waits for its signature; undefined where there is none. */
  prepared(id: string): Promise<{ readonly number: string; readonly bytes: Uint8Array } | undefined>;
  /** `reason`: of a correction */
  sign(
    stored: StoredCase,
    actors: Actors,
    signing: Signing,
    reason: string | undefined,
  ): Promise<Signed | Refused>;
  /** The signed file of the newest version of the deed. */
  file(stored: StoredCase): Promise<{ readonly number: string; readonly bytes: Uint8Array } | undefined>;
}

/** Drawing holds some megabytes, unlocking a key takes a processor for as long as its file asks. */
const DRAWN_AT_ONCE = 2;
const SIGNED_AT_ONCE = 2;
const MOST_WAITING = 8;

export function createDeeds(deps: DeedsDeps): Deeds {
  const drawing = createTurns(DRAWN_AT_ONCE, MOST_WAITING);
  const signing = createTurns(SIGNED_AT_ONCE, MOST_WAITING);
  // Two signatures over one deed would not hurt; they would be work for nothing.
  const ofCase = createTurnsByName(MOST_WAITING);
  const textOf = async (stored: StoredCase): Promise<string> =>
    deedTextOf(assembleDeed(await deedFacts(deps, recordOf(stored), stored.events)));
  return {
    whoIn: (stored, actors) => actors.flatMap((actor) => whoIs(actor, dataOf(recordOf(stored)))),
    text: textOf,
    async differences(stored) {
      const { draft } = dataOf(recordOf(stored));
      if (draft === null) throw new DeedProblem('deed-not-drafted');
      return differences(await textOf(stored), draft.text);
    },
    async prepare(stored, actors, wanted) {
      const may = await mayFinish(deps.cases, stored, actors);
      if ('outcome' in may) return may;
      const notary = actors[0].name;
      const made = await drawing.take(() => prepare(deps, recordOf(stored), { ...wanted, notary }));
      return { outcome: 'done', ...made };
    },
    async prepared(id) {
      const found = await preparedOf(deps.store, id);
      return found && { number: found.about.number, bytes: found.ranged.pdf };
    },
    sign: (stored, actors, by, reason) =>
      ofCase.take(stored.id, async () => {
        // Whoever waited for another call of this case finds what that one did.
        const now = (await deps.store.caseById(stored.id))!;
        return (
          (await doneBefore(deps, now, actors)) ??
          signing.take(() => signAndFinish(deps, now, actors, by, reason))
        );
      }),
    async file(stored) {
      const last = lastVersion(recordOf(stored));
      const found = last && (await sealedFile(deps.store, stored.id, last.sha256));
      return found && { number: found.about.number, bytes: found.bytes };
    },
  };
}

const lastVersion = (record: CaseRecord): DeedVersion | undefined => dataOf(record).deed?.versions.at(-1);

/** By which action a deed that is drawn now comes into force. */
const FINISHING: Readonly<Record<string, 'issue' | 'correct' | undefined>> = {
  approved: 'issue',
  'under-recheck': 'correct',
};

/** Asked of the table before anything is drawn or signed: who may not finish does not begin. */
async function mayFinish(
  cases: Cases,
  stored: StoredCase,
  actors: Actors,
): Promise<Refused | { readonly action: 'issue' | 'correct'; readonly possible: readonly Possible[] }> {
  const possible = await cases.possible(stored, actors);
  const action = FINISHING[stored.state];
  const found = possible.find((one) => one.action === action);
  if (action !== undefined && found?.allowed === true) return { action, possible };
  return { outcome: 'refused', ...whyNot(stored, found), possible };
}

function whyNot(stored: StoredCase, found: Possible | undefined): Pick<Refused, 'code' | 'guard' | 'detail'> {
  if (found === undefined || found.allowed)
    return { code: 'state-wrong', detail: { action: 'issue', state: stored.state } };
  const { code, detail } = found;
  return { code, detail, ...(found.code === 'guard' && { guard: found.guard }) };
}

/** The answer to whoever signed it and did not get it, or asks again. */
async function doneBefore(
  deps: DeedsDeps,
  stored: StoredCase,
  actors: readonly Actor[],
): Promise<Signed | undefined> {
  const last = lastVersion(recordOf(stored));
  const isOwn = last !== undefined && actors.some(({ person }) => person === last.by);
  // In these states another one may be drawn, and what is in force is not what is asked for.
  if (!isOwn || FINISHING[stored.state] !== undefined) return undefined;
  const found = await sealedFile(deps.store, stored.id, last.sha256);
  const head = await deps.cases.head(stored.id);
  return (
    found && {
      outcome: 'done',
      ...outward(found.about),
      deposit: last.deposit,
      head: head!,
      events: stored.events,
    }
  );
}

const outward = ({ basis: _, ...about }: AboutSealed): Omit<AboutSealed, 'basis'> => about;

/** A reason too many or too few is told before anything is signed. */
const LIKE_ANY = { number: '-', sha256: '0'.repeat(64), deposit: '00000000-0000-0000-0000-000000000000' };
const reasoned = (reason: string | undefined) => (reason === undefined ? {} : { reason });

async function signAndFinish(
  deps: DeedsDeps,
  stored: StoredCase,
  actors: Actors,
  by: Signing,
  reason: string | undefined,
): Promise<Signed | Refused> {
  const may = await mayFinish(deps.cases, stored, actors);
  if ('outcome' in may) return may;
  const wrong = inputProblem(may.action === 'correct' ? Correct : Issue, {
    ...LIKE_ANY,
    ...reasoned(reason),
  });
  if (wrong !== undefined)
    return { outcome: 'refused', code: 'input-invalid', detail: wrong, possible: may.possible };
  const about = await seal(deps, recordOf(stored), by);
  return finish(deps, stored, actors, { about, action: may.action, reason });
}

/** After a crash anywhere in here the same signed file is found again, and its deposit. */
async function finish(
  deps: DeedsDeps,
  stored: StoredCase,
  actors: Actors,
  { about, action, reason }: { about: AboutSealed; action: 'issue' | 'correct'; reason: string | undefined },
): Promise<Signed | Refused> {
  const { number, sha256 } = about;
  const { bytes } = (await sealedFile(deps.store, stored.id, sha256))!;
  const { office } = dataOf(recordOf(stored)).application!;
  const deposit = await depositDeed({ ...deps.deposits, store: deps.store }, office, {
    number,
    sha256,
    bytes,
  });
  const input = { number, sha256, deposit, ...reasoned(reason) };
  const kept = await deps.cases.act(stored.id, actors, action, input);
  if (kept.outcome === 'refused') return kept;
  return { outcome: 'done', ...outward(about), deposit, head: kept.head, events: kept.events };
}
