import type { JsonObject } from '../../core/read/json.ts';
import type { Actor, CaseRecord, Detail, NewCase } from './case.ts';
import { clocksAfter } from './clocks.ts';
import { inputProblem } from './input.ts';
import { type Possible, possible } from './possible.ts';
import { type Context, type Names, type Procedure, STAYS, startsIn, type Transition } from './table.ts';

export interface Call<Facts> {
  readonly action: string;
  readonly actor: Actor;
  readonly input: unknown;
  readonly facts: Facts;
  readonly nowMs: number;
}

export const REFUSAL_CODES = [
  'action-unknown',
  'state-wrong',
  'not-yours',
  'input-invalid',
  'guard',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface Refused {
  readonly outcome: 'refused';
  readonly code: RefusalCode;
  /** The guard that refused, where one did. */
  readonly guard?: string;
  readonly detail: Detail;
  readonly possible: readonly Possible[];
}

export interface Done {
  readonly outcome: 'done';
  readonly record: CaseRecord;
  readonly event: {
    readonly action: string;
    readonly from: string | null;
    readonly to: string;
    readonly content: JsonObject | null;
  };
}

export type Refusal = Pick<Refused, 'code' | 'guard' | 'detail'>;

/**
 * The only way by which a case changes. Nothing is stored here: the caller writes the record and the event in one
 * transaction, under the version of the case that it read. A refusal changes nothing and says what is possible now.
 */
export function act<Data extends JsonObject, Facts, N extends Names>(
  procedure: Procedure<Data, Facts, N>,
  record: CaseRecord | NewCase,
  call: Call<Facts>,
): Done | Refused {
  if (record.state !== null && record.procedure !== procedure.name)
    throw new Error(`case ${record.id} is one of ${record.procedure}, not of ${procedure.name}`);
  const found = transitionFor(procedure, record.state, call.action);
  const context = contextOf(procedure, record, call);
  const refusal = 'code' in found ? found : refusalOf(procedure, found, context, call.input);
  if (refusal !== undefined) {
    const now = possible(procedure, record, call.actor, call.facts, call.nowMs);
    return { outcome: 'refused', ...refusal, possible: now };
  }
  return perform(procedure, record, found as Transition<Data, Facts, N>, context);
}

/**
 * Why the action is not for this actor now, whatever the facts are: the table has no such action in this state, it is
 * for others, or its input is not as it has to be. To be asked before facts are looked up, which may take long.
 */
export function refusedBefore<Data extends JsonObject, Facts, N extends Names>(
  procedure: Procedure<Data, Facts, N>,
  record: CaseRecord | NewCase,
  { action, actor, input }: Pick<Call<Facts>, 'action' | 'actor'> & { readonly input?: unknown },
): Refusal | undefined {
  const found = transitionFor(procedure, record.state, action);
  if ('code' in found) return found;
  const data = record.state === null ? procedure.blank : (record.data as Data);
  const who = procedure.whoIs(actor, data);
  if (!found.who.some((one) => who.includes(one)))
    return { code: 'not-yours', detail: { who: found.who.join(', ') } };
  const problem = input === undefined ? undefined : inputProblem(found.input, input);
  return problem && { code: 'input-invalid', detail: problem };
}

function transitionFor<Data extends JsonObject, Facts, N extends Names>(
  { transitions }: Procedure<Data, Facts, N>,
  state: string | null,
  action: string,
): Transition<Data, Facts, N> | Refusal {
  const named = transitions.filter((one) => one.action === action);
  if (named.length === 0) return { code: 'action-unknown', detail: { action: action.slice(0, 64) } };
  const found = named.find((one) => startsIn(one, state));
  return found ?? { code: 'state-wrong', detail: { action, state: state ?? '' } };
}

function contextOf<Data extends JsonObject, Facts, N extends Names>(
  procedure: Procedure<Data, Facts, N>,
  record: CaseRecord | NewCase,
  { actor, facts, nowMs, input }: Call<Facts>,
): Context<Data, Facts> {
  const data = record.state === null ? procedure.blank : (record.data as Data);
  const clocks = record.state === null ? [] : record.clocks;
  const who = procedure.whoIs(actor, data);
  return { state: record.state, data, clocks, actor, who, facts, nowMs, input };
}

function refusalOf<Data extends JsonObject, Facts, N extends Names>(
  procedure: Procedure<Data, Facts, N>,
  transition: Transition<Data, Facts, N>,
  context: Context<Data, Facts>,
  input: unknown,
): Refusal | undefined {
  if (!transition.who.some((who) => context.who.includes(who)))
    return { code: 'not-yours', detail: { who: transition.who.join(', ') } };
  const problem = inputProblem(transition.input, input);
  if (problem !== undefined) return { code: 'input-invalid', detail: problem };
  for (const guard of transition.guards) {
    const detail = procedure.guards[guard as N['guard']](context);
    if (detail !== undefined) return { code: 'guard', guard, detail };
  }
  return undefined;
}

function perform<Data extends JsonObject, Facts, N extends Names>(
  procedure: Procedure<Data, Facts, N>,
  record: CaseRecord | NewCase,
  transition: Transition<Data, Facts, N>,
  context: Context<Data, Facts>,
): Done {
  const { facts, nowMs, input } = context;
  const data = transition.apply?.(context.data, input as never, context as never) ?? context.data;
  const to = transition.to === STAYS ? record.state! : transition.to;
  const content = transition.content?.(data, input as never, context as never) ?? (input as JsonObject);
  return {
    outcome: 'done',
    record: {
      id: record.id,
      procedure: procedure.name,
      state: to,
      data,
      clocks: clocksAfter(context.clocks, transition.clocks ?? {}, procedure.clocks, facts, nowMs),
      openedMs: record.state === null ? nowMs : record.openedMs,
      updatedMs: nowMs,
    },
    event: {
      action: transition.action,
      from: record.state,
      to,
      content: Object.keys(content).length === 0 ? null : content,
    },
  };
}
