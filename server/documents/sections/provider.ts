import { type PaperWord, paperWords } from '../../messages/paper.ts';
import { code, given, row, type Section, time, type Value, words } from '../content.ts';
import { type CertificateInput, manifestOf, statedIn } from '../input.ts';

/* Who provides the service, and who keeps the originals: domain fields 28 to 34. */

/** What the certificate says where the provider has no such number (FORMAT.md §5, «stated»). */
const NONE = '未取得';

export function providerSection({ certificate, issuer, readings }: CertificateInput): Section {
  const filing = (label: PaperWord): Value => {
    const number = statedIn(certificate, label);
    return number === undefined || number === NONE ? words('not-obtained') : given(number);
  };
  return {
    title: paperWords('section-provider'),
    rows: [
      row('provider', given(statedIn(certificate, 'provider') ?? issuer.name)),
      row('provider-uscc', filing('provider-uscc')),
      row('filing-blockchain', filing('filing-blockchain')),
      row('filing-mlps', filing('filing-mlps')),
      row('filing-crypto', filing('filing-crypto')),
      row('interests', words('not-provided')),
      row('readings', ...readingsOf(readings)),
      row('standards', words('standards-value')),
    ],
  };
}

const readingsOf = (readings: CertificateInput['readings']): readonly Value[] =>
  readings === undefined
    ? [words('readings-none')]
    : [words('readings-count', { count: readings.count }), time(readings.lastAt)];

export function custodySection({ certificate, fixity }: CertificateInput): Section {
  const stored = manifestOf(certificate)?.files.filter((file) => file.digests === 'computed').length ?? 0;
  const isStored = stored > 0;
  return {
    title: paperWords('section-custody'),
    rows: [
      row(
        'custody-medium',
        isStored
          ? words('custody-stored', { count: stored })
          : words(manifestOf(certificate)?.folder ? 'custody-folder' : 'custody-declared'),
      ),
      row('custody-place', words('not-provided')),
      row('fixity', ...(isStored ? fixityOf(fixity, stored) : [words('fixity-not-stored')])),
      row('transfers', words('not-provided')),
    ],
  };
}

/** The oldest of the last checks, because that is what can be said of all; then how many files are how. */
function fixityOf(fixity: CertificateInput['fixity'], stored: number): readonly Value[] {
  const checked = fixity.filter((one) => one !== null);
  if (checked.length === 0) return [words('fixity-none')];
  const oldest = checked.map((one) => one.checkedAt).toSorted()[0]!;
  const counts = (['ok', 'missing', 'damaged'] as const).map(
    (result) => [result, checked.filter((one) => one.result === result).length] as const,
  );
  const all = [...counts, ['unchecked', stored - checked.length] as const];
  return [
    time(oldest),
    ...all.flatMap(([result, count]) => (count > 0 ? [words(`fixity-${result}`, { count })] : [])),
  ];
}

/** The page for a look; the QR code leads there. */
export const checkUrlOf = ({ certificate, publicUrl }: CertificateInput): string =>
  `${publicUrl}/c/${certificate.number}`;

export const checkUrlRow = (input: CertificateInput) => row('check-url', code(checkUrlOf(input)));
