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
  | 'deed'
  | 'left-out'
  | 'page';

export type Sentences = Readonly<Record<Subject, Readonly<Record<string, string>>>>;
