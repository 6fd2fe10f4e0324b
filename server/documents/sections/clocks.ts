import { isPaperWord, type PaperWord, paperWords } from '../../messages/paper.ts';
import {
  type ClockLine,
  code,
  given,
  hex,
  type Row,
  row,
  type Section,
  time,
  type Value,
  words,
} from '../content.ts';
import { type CertificateInput, type ClockFact, manifestOf, statedIn, type TokenFact } from '../input.ts';

/* The clocks side by side, which of them counts, and the tokens: domain fields 15, 22, 23. */

/** The operator's own clocks can say any time, whatever becomes of the checks. */
const OF_OPERATOR: readonly string[] = ['server', 'issuer', 'own-token'];

export function clocksSection(input: CertificateInput): Section {
  const { facts } = input;
  const counts = facts.when.findIndex((clock) => isSame(clock, facts.counts));
  return {
    title: paperWords('section-clocks'),
    clocks: facts.when.map((clock, i) => lineOf(input, clock, i, i === counts)),
    rows: tokenRows(input),
    notes: [...(facts.counts === undefined ? [paperWords('clocks-none')] : []), paperWords('clocks-note')],
  };
}

/** Core names a block time for each anchor, in their order: two blocks of one second are told apart by that alone. */
export function anchorAt({ when, anchors }: CertificateInput['facts'], i: number) {
  const nth = when.slice(0, i).filter(({ clock }) => clock === 'block').length;
  return { nth, anchor: anchors[nth] };
}

export const isSame = (clock: ClockFact, counts: ClockFact | undefined): boolean =>
  counts !== undefined && clock.proven && clock.clock === counts.clock && clock.at === counts.at;

function lineOf(input: CertificateInput, clock: ClockFact, i: number, counts: boolean): ClockLine {
  return {
    name: nameOf(clock),
    at: clock.at,
    by: sayerOf(input, clock, i),
    force: paperWords(forceOf(clock, counts)),
    counts,
  };
}

function nameOf({ clock }: ClockFact) {
  const word = `clock-${clock}`;
  return isPaperWord(word) ? paperWords(word) : paperWords('clock-other', { clock });
}

function sayerOf(
  { certificate, facts, issuer }: CertificateInput,
  { clock, token }: ClockFact,
  i: number,
): Value {
  if (token !== undefined) return given(token.label ?? token.signer);
  if (clock === 'block') {
    const { nth, anchor } = anchorAt(facts, i);
    return given(anchor?.chain ?? statedIn(certificate, 'chain', nth) ?? '');
  }
  if (clock === 'issuer') return given(issuer.name);
  return given(manifestOf(certificate)?.service ?? issuer.name);
}

function forceOf({ clock, proven }: ClockFact, counts: boolean): PaperWord {
  if (counts) return 'force-counts';
  if (OF_OPERATOR.includes(clock)) return 'force-stated';
  return proven ? 'force-proven' : 'force-open';
}

/** Those that hold, in full; of the others there is the type, and the attachment. */
function tokenRows({ certificate, facts: { tokens = [] } }: CertificateInput): Row[] {
  const known = tokens.map(tokenRow);
  const count = certificate.tokens.length;
  if (count === 0) return [row('token', words('token-none'))];
  return count === known.length
    ? known
    : [...known, row('token', words('token-others', { count: count - known.length }))];
}

/** Each detail on a line of its own. */
function tokenRow({ type, label, signer, policy, serial, genTime, accuracyMs, fingerprint }: TokenFact): Row {
  const line = (word: PaperWord, value: string): Value => {
    const { zh, en } = paperWords(word);
    return given(`${zh} ${en}: ${value}`);
  };
  return row(
    'token',
    code(type),
    line('token-authority', label === undefined ? signer : `${label} (${signer})`),
    line('token-serial', serial),
    // All three types of token are over a SHA-256 (FORMAT.md §5).
    line('token-hash', 'SHA-256'),
    time(genTime),
    ...(accuracyMs === null ? [] : [line('token-accuracy', `${accuracyMs} ms`)]),
    line('token-policy', policy),
    ...(fingerprint === undefined ? [] : [words('token-fingerprint'), hex(fingerprint)]),
  );
}
