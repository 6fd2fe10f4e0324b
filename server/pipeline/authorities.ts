import { parseCertificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import type { Trust } from '../core/verify/trust.ts';
import { DoorProblem } from '../ports/door.ts';
import type { AskedAuthority, BatchTokenStore } from '../ports/store.ts';
import { type OutsideAuthority, type TokenOutcome, TokenProblem } from '../ports/tsp.ts';
import {
  type Authority,
  type Memory,
  RevocationAway,
  type RoundDeps,
  stampBatch,
} from './authority-round.ts';
import { startTask, type Task, type TaskHealth } from './worker.ts';

/*
 * A task for each configured authority, so that one that is away or slow holds up no other. They run where this instance
 * leads. How far each has come stands in the store; how long one that fails is left in peace, here.
 */

export interface AuthoritiesDeps extends Omit<RoundDeps, 'store' | 'log'> {
  readonly store: RoundDeps['store'] & Pick<BatchTokenStore, 'joinAuthorities' | 'askedAuthorities'>;
  readonly authorities: readonly OutsideAuthority[];
  /** DER: what the operator itself signs with leads to one of these */
  readonly own: readonly Uint8Array[];
  /** by its place in the configuration, from 0 */
  readonly onOutcome: (place: number, outcome: TokenOutcome) => void;
}

/** Batches of one round: between two it is looked whether this instance still leads. */
const MOST_BATCHES = 16;

/** The first pause after a failure; each further one in a row is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 600_000;

/** How often an instance without authorities looks whether it leads. */
const LEAVE_MS = 5_000;

/** What the health page says of an authority: its label and a code, nothing that came from it. */
export class AuthorityProblem extends Error {
  readonly code: 'authority-away' | 'authority-token-refused' | 'authority-revocation-away';
  readonly detail: Readonly<Record<string, string>>;
  constructor(code: AuthorityProblem['code'], label: string, cause: Error & { readonly code: string }) {
    super(`${code} ${label}: ${cause.message}`, { cause });
    this.name = 'AuthorityProblem';
    this.code = code;
    this.detail = { authority: label, reason: cause.code };
  }
}

type TaskOptions = Omit<Parameters<typeof startTask>[0], 'name' | 'round' | 'everyMs'>;

export interface Authorities {
  /** The problem that has lasted longest; undefined where every authority stamps. */
  problem(): TaskHealth['problem'];
  /** A batch has got its place in a log. */
  wake(): void;
  stop(): Promise<void>;
}

export function startAuthorities(
  deps: AuthoritiesDeps,
  leads: () => Promise<boolean>,
  everyMs: number,
  signal: AbortSignal,
  common: TaskOptions,
): Authorities {
  const { log } = common;
  const progress = followProgress(deps);
  const tasks = deps.authorities.map((configured, place) => {
    const { url, label } = configured;
    const authority: Authority = { url, label, trust: trustIn(configured, deps.own) };
    const turn = withPauses(deps.clock, () =>
      askInTurn({ ...deps, log }, authority, place, progress.next, signal),
    );
    return startTask({
      ...common,
      name: `authority ${place + 1}`,
      everyMs,
      explain: (error) =>
        error instanceof AuthorityProblem
          ? { code: error.code, detail: error.detail }
          : common.explain(error),
      async round() {
        if (await leads()) return turn.take();
        turn.forget();
        progress.forget();
        return false;
      },
    });
  });
  if (tasks.length === 0) tasks.push(leaveAll(deps.store, leads, common));
  return {
    problem: () => longest(tasks),
    wake: () => tasks.forEach((task) => void task.wake()),
    stop: async () => void (await Promise.all(tasks.map((task) => task.stop()))),
  };
}

/** Those that were asked before and are configured again one day must not find the batches of the time between. */
function leaveAll(store: AuthoritiesDeps['store'], leads: () => Promise<boolean>, common: TaskOptions): Task {
  let isDone = false;
  return startTask({
    ...common,
    name: 'authorities',
    everyMs: LEAVE_MS,
    async round() {
      if (isDone || !(await leads())) return false;
      await store.joinAuthorities([]);
      isDone = true;
      return false;
    },
  });
}

function longest(tasks: readonly Task[]): TaskHealth['problem'] {
  const problems = tasks.flatMap((task) => task.health().problem ?? []);
  return problems.toSorted((a, b) => a.sinceMs - b.sinceMs)[0];
}

/** This authority alone: a token of another one that the operator trusts is not its. */
const trustIn = ({ label, policies, roots }: OutsideAuthority, own: readonly Uint8Array[]): Trust => ({
  name: label,
  logs: [],
  authorities: [{ label, policies, roots: roots.map((root) => parseCertificate(root)) }],
  issuers: [{ name: label, certificates: own.map((one) => parseCertificate(one)) }],
});

/** Which batch is next at an address. Joined once while this instance leads, again where another one did meanwhile. */
function followProgress({ store, authorities }: AuthoritiesDeps) {
  const urls = authorities.map(({ url }) => url);
  let joined: Promise<unknown> | undefined;
  const find = (asked: readonly AskedAuthority[], url: string) => asked.find((one) => one.url === url);
  const join = () => {
    joined ??= store.joinAuthorities(urls).catch((error: unknown) => {
      joined = undefined;
      throw error;
    });
    return joined;
  };
  return {
    async next(url: string): Promise<number | undefined> {
      await join();
      const asked = find(await store.askedAuthorities(), url);
      if (asked === undefined) joined = undefined;
      return asked?.nextBatch;
    },
    forget() {
      joined = undefined;
    },
  };
}

/** Oldest batch first, until none is due. True where there may be more. */
function askInTurn(
  deps: AuthoritiesDeps & RoundDeps,
  authority: Authority,
  place: number,
  next: (url: string) => Promise<number | undefined>,
  signal: AbortSignal,
): () => Promise<boolean> {
  const memory: Memory = { unanswered: 0 };
  return async () => {
    for (let done = 0; done < MOST_BATCHES; done++) {
      const number = await next(authority.url);
      if (number === undefined || signal.aborted) return false;
      const step = await stampBatch(deps, authority, memory, number, signal).catch((error: unknown) => {
        // What breaks because this instance stops is nobody's problem.
        if (signal.aborted) return 'waiting' as const;
        throw told(deps, authority, place, error);
      });
      if (step === 'waiting') return false;
      if (step === 'kept') deps.onOutcome(place, 'kept');
    }
    return true;
  };
}

/** What can be told of an authority; anything else is the store's, or a bug. */
function told({ onOutcome }: AuthoritiesDeps, { label }: Authority, place: number, error: unknown): unknown {
  if (error instanceof DoorProblem) {
    onOutcome(place, 'away');
    return new AuthorityProblem('authority-away', label, error);
  }
  if (error instanceof RevocationAway) {
    onOutcome(place, 'away');
    return new AuthorityProblem('authority-revocation-away', label, error.cause);
  }
  if (error instanceof FormatError || error instanceof TokenProblem) {
    onOutcome(place, 'refused');
    return new AuthorityProblem('authority-token-refused', label, error);
  }
  return error;
}

/** An authority that fails is left in peace for longer and longer; its problem stands meanwhile. */
function withPauses(clock: AuthoritiesDeps['clock'], make: () => () => Promise<boolean>) {
  const work = make();
  let failed:
    | { readonly error: AuthorityProblem; readonly atMs: number; readonly pauseMs: number }
    | undefined;
  // Either way: a clock that is set back must not make the pause longer.
  const rests = (): boolean => failed !== undefined && Math.abs(clock.nowMs() - failed.atMs) < failed.pauseMs;
  return {
    async take(): Promise<boolean> {
      if (failed !== undefined && rests()) throw failed.error;
      try {
        const more = await work();
        failed = undefined;
        return more;
      } catch (error) {
        if (error instanceof AuthorityProblem) {
          const pauseMs =
            failed === undefined ? FIRST_PAUSE_MS : Math.min(2 * failed.pauseMs, LONGEST_PAUSE_MS);
          failed = { error, atMs: clock.nowMs(), pauseMs };
        }
        throw error;
      }
    },
    /** Another instance leads: what this one was told is of yesterday. */
    forget() {
      failed = undefined;
    },
  };
}
