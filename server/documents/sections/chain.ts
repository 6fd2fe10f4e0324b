import { toHex } from '../../core/read/bytes.ts';
import { leafHash } from '../../core/tree/tree.ts';
import type { AnchorFact } from '../../core/verify/report.ts';
import { paperWords } from '../../messages/paper.ts';
import { code, given, hex, row, type Section, time, words } from '../content.ts';
import { type CertificateInput, manifestOf, statedIn } from '../input.ts';

/* Where the root stands, and the way from the entry to it: domain fields 24 to 27. */

export const chainSections = (input: CertificateInput): Section[] => [
  ...input.facts.anchors.map((anchor, nth) => chainSection(input, anchor, nth)),
  ...unknownAnchors(input),
];

/** The trust list's words for the chain come first; the issuer's own are its word. */
function chainSection({ certificate }: CertificateInput, anchor: AnchorFact, nth: number): Section {
  const chain = anchor.chain ?? statedIn(certificate, 'chain', nth) ?? `EVM ${anchor.chainId}`;
  const runBy = anchor.runBy ?? statedIn(certificate, 'chain-run-by', nth) ?? '';
  const { batch } = certificate.inclusion;
  return {
    title: paperWords('section-chain'),
    rows: [
      row('chain-name', given(chain)),
      row('chain-id', code(anchor.chainId)),
      row('chain-run-by', words(anchor.test ? 'chain-test' : 'chain-production', { runBy })),
      row('contract', hex(anchor.contract)),
      row('chain-operator', hex(anchor.operator)),
      row('transaction', hex(anchor.transactionHash)),
      row('block-number', code(anchor.blockNumber)),
      row('block-hash', hex(anchor.blockHash)),
      row('block-time', time(anchor.blockTime)),
      row(
        'batch',
        words('batch-value', { batch: statedIn(certificate, 'batch') ?? '–', index: anchor.index }),
      ),
      row('root', hex(anchor.root), words('root-size', { index: batch.index, size: batch.size })),
      row(
        'finality',
        words('finality-value', { confirmations: statedIn(certificate, 'confirmations', nth) ?? '–' }),
      ),
    ],
  };
}

function unknownAnchors({ certificate }: CertificateInput): Section[] {
  const types = certificate.anchors.flatMap((anchor) => (anchor.type === 'unknown' ? [anchor.name] : []));
  if (types.length === 0) return [];
  return [
    {
      title: paperWords('section-chain'),
      rows: types.map((type) => row('chain-name', words('anchor-unknown', { type }))),
    },
  ];
}

/** The path from the entry's leaf, for whoever wants to compute it by hand; programs take it from the attachment. */
export function pathSection({ certificate }: CertificateInput): Section {
  const { inclusion, entryBytes } = certificate;
  const { batch, folder } = inclusion;
  const bytes = folder?.manifestBytes ?? entryBytes;
  const salt = manifestOf(certificate)?.salt;
  return {
    title: paperWords('section-path'),
    rows: [
      ...(salt === undefined ? [] : [row('salt', hex(salt))]),
      row('leaf', hex(toHex(leafHash(bytes))), words('root-size', { index: batch.index, size: batch.size })),
      ...batch.hashes.map((hash, i) => ({
        label: paperWords('path-hash', { n: i + 1 }),
        values: [hex(toHex(hash))],
      })),
    ],
    ...(batch.hashes.length === 0 && { notes: [paperWords('path-none')] }),
  };
}
