import { paperWords } from '../../messages/paper.ts';
import { bothLanguages } from '../../messages/sentence.ts';
import { code, command, given, hex, row, type Section, words } from '../content.ts';
import { type CertificateInput, isWholeFolder } from '../input.ts';
import { checkUrlRow } from './provider.ts';

/* What is proven and what not, how to check it, and what this document carries: domain fields 35 to 38. */

export function scopeSection({ certificate, notProven, facts }: CertificateInput): Section {
  const proves = isWholeFolder(certificate) ? 'scope-proves-folder' : 'scope-proves';
  return {
    title: paperWords('section-scope'),
    notes: [
      paperWords(facts.counts === undefined ? 'scope-proves-none' : proves),
      paperWords('scope-not'),
      ...notProven.map((what) => {
        const { zh, en } = bothLanguages('not-proven', what);
        return { zh: `· ${zh}`, en };
      }),
    ],
  };
}

/** Commands that a reader can type: each of them is run by a test. */
export function checkSection(input: CertificateInput): Section {
  const { certificate, facts, checker } = input;
  const { number } = certificate;
  const file = `certificate-${number}`;
  const node = paperWords('own-node');
  const originals = paperWords('originals');
  const isFolder = isWholeFolder(certificate);
  const checked = isFolder ? `${originals.zh}.certificate.json` : `${file}.json`;
  return {
    title: paperWords('section-check'),
    rows: [
      checkUrlRow(input),
      row('check-code', words('check-code-none')),
      row('checker-digest', checker === undefined ? words('not-provided') : hex(checker, 'SHA-256')),
      row('step-extract', command(`pdfdetach -savefile ${file}.json -o ${file}.json ${file}.pdf`)),
      isFolder
        ? row('step-cut', command(`kezheng cut ${paperWords('index-file').zh} ${originals.zh}`))
        : row(
            'step-files',
            command(`sha256sum ${originals.zh}`),
            command(`openssl dgst -sm3 ${originals.zh}`),
          ),
      row(
        'step-verify',
        command(`kezheng verify ${checked} ${originals.zh} --trust trust.json --rpc https://${node.zh}`),
      ),
      ...facts.anchors.map(({ blockNumber, blockHash, chainId }) =>
        row('step-block', code(`chainId ${chainId}, ${blockNumber}`), hex(blockHash)),
      ),
      row('step-seal', command(`pdfsig ${file}.pdf`)),
    ],
    notes: [paperWords('step-format')],
  };
}

export function attachedSection({ attached, seal, issuer }: CertificateInput): Section {
  return {
    title: paperWords('section-attached'),
    rows: [
      ...attached.map(({ name, kind }) => row('attached', code(name), words(`attached-${kind}`))),
      row('seal', words('seal-value', { name: seal.name })),
      row('seal-fingerprint', hex(seal.fingerprint)),
      row('issuer', given(issuer.name)),
      row('issuer-fingerprint', hex(issuer.fingerprint)),
    ],
    notes: [paperWords('seal-note')],
  };
}
