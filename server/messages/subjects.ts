/** Of procedures: their codes begin with the name of the procedure, but for refusals. */
export type CaseSubject =
  | 'case-refusal'
  | 'case-state'
  | 'case-action'
  | 'case-guard'
  | 'case-clock'
  | 'case-who'
  | 'case-code';

/** What a sentence is about; codes are unique within one. */
export type Subject =
  | 'problem'
  | 'reason'
  | 'check'
  | 'case-check'
  | 'status'
  | 'verdict'
  | 'state'
  | 'not-proven'
  | 'remaining'
  | 'hint'
  | 'expected'
  | 'finding'
  | 'audit'
  | 'health'
  | 'outside'
  | 'deed'
  | 'left-out'
  | 'item'
  | 'table'
  | 'webhook'
  | 'page'
  | CaseSubject;

export type Sentences = Readonly<Record<Subject, Readonly<Record<string, string>>>>;
