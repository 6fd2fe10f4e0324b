/** What a sentence is about; codes are unique within one. */
export type Subject =
  | 'problem'
  | 'reason'
  | 'check'
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
  | 'left-out'
  | 'webhook'
  | 'page';

export type Sentences = Readonly<Record<Subject, Readonly<Record<string, string>>>>;
