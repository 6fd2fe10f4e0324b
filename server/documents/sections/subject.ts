import type { Manifest } from '../../core/entry/manifest.ts';
import { sha256 } from '../../core/hash/sha256.ts';
import { toHex } from '../../core/read/bytes.ts';
import { isPaperWord, type PaperWord, paperWords } from '../../messages/paper.ts';
import {
  code,
  given,
  hex,
  orNone,
  type Row,
  row,
  type Section,
  stated,
  time,
  type Value,
  words,
} from '../content.ts';
import { type CertificateInput, manifestOf, type StatementFact } from '../input.ts';

/* What the certificate is, who deposited, and what: domain fields 1 to 9, 20, 21, 39 to 42. */

export function certificateSection({ certificate }: CertificateInput): Section {
  const { number, revision, format, issuedAt } = certificate;
  const id = manifestOf(certificate)?.id;
  return {
    title: paperWords('section-certificate'),
    rows: [
      row('number', code(number)),
      row('evidence-id', id === undefined ? words('not-provided') : code(id)),
      row('version', words('version-value', { format, revision })),
      row('issued-at', time(issuedAt)),
      row('state', words('state-value')),
    ],
  };
}

/** Whose the key is, the paper does not say: it names the key, for whoever compares. */
function statementValue({ statement }: Manifest, fact: StatementFact | undefined): readonly Value[] {
  if (statement === null) return [words('not-provided')];
  if (fact === undefined) return [words('identity-statement-there', { format: String(statement['format']) })];
  return [words('identity-statement-signed', { at: fact.signedAt }), hex(fact.key)];
}

export function depositorSection(manifest: Manifest, fact: StatementFact | undefined): Section {
  const { depositor } = manifest;
  return {
    title: paperWords('section-depositor'),
    rows: [
      row('depositor-name', given(depositor.name)),
      row(
        'depositor-id',
        depositor.uscc === null ? words('not-provided') : words('uscc', { uscc: depositor.uscc }),
      ),
      row('agent', words('not-provided')),
      row('identity-check', words('identity-check-none')),
      row('identity-statement', ...statementValue(manifest, fact)),
    ],
  };
}

/** A word for a value of the format; one that this page does not know stands for itself. */
export function wordFor(prefix: string, value: string): Value {
  const word = `${prefix}-${value}`;
  return isPaperWord(word) ? words(word) : given(value);
}

export function evidenceSection(manifest: Manifest, manifestBytes: Uint8Array): Section {
  const { title, category, description, confidentiality } = manifest.evidence;
  return {
    title: paperWords('section-evidence'),
    rows: [
      row('evidence-title', stated(title)),
      row('category', category === null ? words('not-provided') : wordFor('category', category)),
      row('description', orNone(description)),
      row('files-count', contents(manifest)),
      row('package-hash', words('package-hash-value'), hex(toHex(sha256(manifestBytes)))),
      row('confidentiality', wordFor('confidentiality', confidentiality)),
      ...rightRow(manifest),
      ...accusedRow(manifest),
      ...corroborationRow(manifest),
    ],
  };
}

function contents({ files, folder }: Manifest): Value {
  if (folder !== null) return words('files-folder', { count: folder.size });
  return words('files-count-value', {
    count: files.length,
    bytes: files.reduce((sum, { size }) => sum + BigInt(size), 0n).toString(),
  });
}

/** Several things that were given, one to a line; without any there is no row. */
const optional = (label: PaperWord, texts: readonly (string | null)[]): Row[] => {
  const known = texts.filter((text): text is string => text !== null && text !== '');
  return known.length === 0 ? [] : [row(label, ...known.map(stated))];
};

const rightRow = ({ evidence: { right } }: Manifest): Row[] =>
  right === null ? [] : optional('right', [right.type, right.number, right.holder]);

const accusedRow = ({ evidence: { accused } }: Manifest): Row[] =>
  accused === null ? [] : optional('accused', [accused.name, accused.uscc, accused.shop, accused.url]);

const corroborationRow = ({ evidence }: Manifest): Row[] =>
  optional(
    'corroborations',
    evidence.corroborations.map(({ kind, reference }) => `${kind} ${reference}`),
  );
