import type { IdempotencyClaim, JournalEntry } from './entry.ts';

/*
 * Cases of procedures, and the events that changed them. What a case is made of is known by its procedure alone: here
 * it is a document with a state, and each change of it is an entry of the log, both in one transaction.
 */

/** In which part an organization takes part in a case: it decides who finds the case, not what may be done in it. */
export interface CaseParty {
  readonly organization: string;
  /** a word of the procedure, such as `applicant` or `office` */
  readonly part: string;
  /** exclusive; undefined: for good */
  readonly untilMs: number | undefined;
}

export interface CaseRow {
  readonly id: string;
  /** such as `notarization/1` */
  readonly procedure: string;
  readonly state: string;
  /** who opened it */
  readonly organization: string;
  /** JSON: all that the procedure works with */
  readonly data: string;
  /** JSON: its clocks */
  readonly clocks: string;
  readonly openedMs: number;
  readonly updatedMs: number;
  /** when something of it is due by itself: a reminder, the end of a term */
  readonly dueMs: number | undefined;
}

/** As it is kept: with how many events it has had, and the leaf (hex) of the last one. */
export interface StoredCase extends CaseRow {
  readonly events: number;
  readonly last: string;
}

/** A public record of a deed (公证书), found by its number. */
export interface Deed {
  readonly number: string;
  readonly office: string;
  readonly case: string;
  /** SHA-256 of the code that a look-up needs besides, hex */
  readonly codeHash: string;
  readonly state: 'valid' | 'corrected' | 'revoked';
  readonly issuedMs: number;
  /** id of the evidence that the signed deed was deposited as */
  readonly evidence: string | undefined;
  /** SHA-256 of the signed PDF, hex; its blob */
  readonly sha256: string;
  /** JSON: what became of it, with dates */
  readonly history: string;
}

/** A document of a case that is no event of it, such as a deed that waits for its signature. */
export interface CasePaper {
  readonly case: string;
  readonly name: string;
  /** JSON */
  readonly about: string;
  readonly bytes: Uint8Array;
}

export interface CaseClaim extends IdempotencyClaim {
  readonly organization: string;
  readonly nowMs: number;
}

/** The case that the same request opened before; or the key was used for another request. */
export type Claimed = 'key-reused' | { readonly replayed: string };

export interface CaseStep {
  /** after the step */
  readonly case: CaseRow;
  /** events before it; 0 opens the case */
  readonly expected: number;
  /** leaf of the last of them, hex; undefined exactly where it opens */
  readonly after: string | undefined;
  /** the kezheng-event/1 of the step */
  readonly entry: JournalEntry;
  /** canonical text of what the event says, kept apart so that it can be erased */
  readonly content: string | undefined;
  /** all of them after the step */
  readonly parties: readonly CaseParty[];
  /** made or changed by the step */
  readonly deed?: Deed | undefined;
  /** of a step that opens a case: the same request again within 24 hours opens no other */
  readonly claim?: CaseClaim | undefined;
}

export interface CaseEvent {
  readonly case: string;
  /** place in the case, from 0 */
  readonly index: number;
  /** place in the journal */
  readonly sequence: number;
  /** hex */
  readonly leaf: string;
  /** canonical text */
  readonly entry: string;
  /** canonical text; undefined where there was none, or where it was erased */
  readonly content: string | undefined;
}

export interface CaseFilter {
  readonly procedure?: string | undefined;
  /** of these alone */
  readonly procedures?: readonly string[] | undefined;
  readonly state?: string | undefined;
  readonly part?: string | undefined;
}

export interface CaseStore {
  /**
   * The change of a case and its event, in one transaction. `overtaken` where the case has had other events meanwhile,
   * and `exists` where it opens what is there: then nothing is kept.
   */
  stepCase(step: CaseStep): Promise<'kept' | 'overtaken' | 'exists' | Claimed>;
  /** What a key within its 24 hours stands for; undefined where it was not used. */
  claimedCase(claim: CaseClaim): Promise<Claimed | undefined>;
  caseById(id: string): Promise<StoredCase | undefined>;
  /** Those that the organization takes part in now, newest change first; `next` goes on after the last one. */
  casesOf(
    organization: string,
    filter: CaseFilter,
    page: { readonly after?: string | undefined; readonly limit: number; readonly nowMs: number },
  ): Promise<{ readonly items: readonly StoredCase[]; readonly next: string | undefined }>;
  partiesOf(id: string): Promise<readonly CaseParty[]>;
  /** From this index on, in order. */
  caseEvents(id: string, from: number, limit: number): Promise<readonly CaseEvent[]>;
  /** What its events say, in characters, in all. */
  caseBytes(id: string): Promise<number>;
  /** Of all cases, in the order of the journal, after this sequence. */
  caseEventsAfter(sequence: number, limit: number): Promise<readonly CaseEvent[]>;
  /** Those with something due at this time, longest due first. */
  dueCases(nowMs: number, limit: number): Promise<readonly StoredCase[]>;
  /** The holder's number in this series, from 1 without gaps: given once, the same ever after. */
  takeSerial(series: string, holder: string): Promise<number>;
  deedByNumber(number: string): Promise<Deed | undefined>;
  /** What an organization set for its own procedures, by name; JSON. */
  officeSettings(organization: string): Promise<Readonly<Record<string, string>>>;
  setOfficeSetting(organization: string, name: string, value: string): Promise<void>;
  /** The first one under its name counts; what is kept then, for whoever came first and for all others. */
  keepPaper(paper: CasePaper): Promise<CasePaper>;
  /** The last one counts. */
  replacePaper(paper: CasePaper): Promise<void>;
  paper(id: string, name: string): Promise<CasePaper | undefined>;
  /** By name, without their bytes. */
  papersOf(id: string): Promise<readonly Omit<CasePaper, 'bytes'>[]>;
}
