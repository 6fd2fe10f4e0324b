import type { Static, TSchema } from 'typebox';
import type { JsonObject } from '../../core/read/json.ts';
import type { Basis } from './basis.ts';
import type { Actor, Detail } from './case.ts';
import type { ClockChanges, ClockSpec, ClockState } from './clocks.ts';

/*
 * A procedure is one table. What may happen, by whom, under which conditions and with which terms stands here and
 * nowhere else; interface, documentation and property tests are read from it.
 */

/** The names that a table uses, so that a misspelt one does not compile. */
export interface Names {
  readonly state: string;
  readonly who: string;
  readonly guard: string;
  readonly clock: string;
}

/** Something happens and the state stays: a payment, a notice read, an access. */
export const STAYS = '=';

/** What guards and changes are told. Facts were found by the caller: nothing here looks anything up. */
export interface Context<Data extends JsonObject, Facts, Input = unknown> {
  readonly state: string | null;
  /** As it was before the action. */
  readonly data: Data;
  readonly clocks: readonly ClockState[];
  readonly actor: Actor;
  readonly who: readonly string[];
  readonly facts: Facts;
  readonly nowMs: number;
  /** Undefined while somebody only asks what is possible; a guard of the input then has nothing to refuse. */
  readonly input: Input;
}

/** The values for the sentence of a refusal; undefined where there is none. */
export type Guard<Data extends JsonObject, Facts> = {
  // A method, for methods may be given a narrower context: so one list can hold the procedures of all kinds of data.
  guard(context: Context<Data, Facts>): Detail | undefined;
}['guard'];

export interface Transition<
  Data extends JsonObject = JsonObject,
  Facts = unknown,
  N extends Names = Names,
  Input extends TSchema = TSchema,
> {
  /** States from which the action may be done; null opens a case. */
  readonly from: readonly N['state'][] | null;
  readonly action: string;
  /** Done by the service where something was done through it, such as a check or a reading: nobody asks for it by name. */
  readonly internal?: boolean;
  readonly who: readonly N['who'][];
  /** In the order in which they are asked; the first that refuses is named. */
  readonly guards: readonly N['guard'][];
  readonly to: N['state'] | typeof STAYS;
  readonly clocks?: ClockChanges<N['clock']>;
  /** Closed, with a limit on every length: nobody outside is trusted for one. */
  readonly input: Input;
  apply?(data: Data, input: Static<Input>, context: Context<Data, Facts, Static<Input>>): Data;
  /** For the content document of the event, from the data after the change; otherwise it is the input. */
  content?(data: Data, input: Static<Input>, context: Context<Data, Facts, Static<Input>>): JsonObject;
}

export interface Procedure<Data extends JsonObject = JsonObject, Facts = unknown, N extends Names = Names> {
  /** name/version; a case keeps the version under which it was opened. */
  readonly name: string;
  readonly states: readonly N['state'][];
  /** The state that opening leads to. */
  readonly initial: N['state'];
  /** The case is done: no clock is open, and nobody has to do anything. */
  readonly final: readonly N['state'][];
  readonly transitions: readonly Transition<Data, Facts, N>[];
  readonly guards: Readonly<Record<N['guard'], Guard<Data, Facts>>>;
  readonly clocks: Readonly<Record<N['clock'], ClockSpec<Facts>>>;
  /** Guards that enforce a rule of law or of the office; the others keep the case consistent. */
  readonly bases: Readonly<Partial<Record<N['guard'], Basis>>>;
  /** The data of a case that has not been opened. */
  readonly blank: Data;
  whoIs(actor: Actor, data: Data): readonly N['who'][];
}

/** Lets the schema of the input type what a change is given. */
export const transitionOf =
  <Data extends JsonObject, Facts, N extends Names>() =>
  <Input extends TSchema>(transition: Transition<Data, Facts, N, Input>): Transition<Data, Facts, N> =>
    transition as Transition<Data, Facts, N>;

/** Labels and sentences are shared by all versions: notarization/1 → notarization. */
export const familyOf = (procedure: Pick<Procedure, 'name'>): string => procedure.name.split('/')[0]!;

export const startsIn = (transition: Pick<Transition, 'from'>, state: string | null): boolean =>
  transition.from === null ? state === null : state !== null && transition.from.includes(state);
