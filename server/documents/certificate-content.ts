import { paperWords } from '../messages/paper.ts';
import { type Content, type Section, time, words } from './content.ts';
import { type CertificateInput, isWholeFolder, manifestOf, statedIn } from './input.ts';
import { captureSection } from './sections/capture.ts';
import { chainSections, pathSection } from './sections/chain.ts';
import { attachedSection, checkSection, scopeSection } from './sections/check.ts';
import { anchorAt, clocksSection, isSame } from './sections/clocks.ts';
import { filesSection } from './sections/files.ts';
import { checkUrlOf, custodySection, providerSection } from './sections/provider.ts';
import { certificateSection, depositorSection, evidenceSection } from './sections/subject.ts';

/**
 * 存证证书: everything that is printed, in its order. Every field that a certificate must show is there, also where
 * nothing is known: 未提供 what the depositor did not give, 未取得 a number that the provider does not have.
 */
export function certificateContent(input: CertificateInput): Content {
  const { certificate, testChain, issuer } = input;
  return {
    title: paperWords('title'),
    number: certificate.number,
    revision: certificate.revision,
    summary: summaryOf(input),
    provider: statedIn(certificate, 'provider') ?? issuer.name,
    issuedAt: certificate.issuedAt,
    testChain,
    checkUrl: checkUrlOf(input),
    sections: sectionsOf(input),
  };
}

function sectionsOf(input: CertificateInput): readonly Section[] {
  const { certificate } = input;
  const manifest = manifestOf(certificate);
  const bytes = certificate.inclusion.folder?.manifestBytes ?? certificate.entryBytes;
  const files = filesSection(input);
  return [
    certificateSection(input),
    ...(manifest === undefined
      ? []
      : [
          depositorSection(manifest, input.facts.who.statement),
          evidenceSection(manifest, bytes),
          captureSection(manifest),
        ]),
    ...(files === undefined ? [] : [files]),
    clocksSection(input),
    ...chainSections(input),
    providerSection(input),
    custodySection(input),
    scopeSection(input),
    checkSection(input),
    attachedSection(input),
    pathSection(input),
  ];
}

function summaryOf({ certificate, facts, testChain }: CertificateInput): Content['summary'] {
  const { counts, when } = facts;
  const common = {
    label: paperWords(testChain ? 'summary-test-time' : 'summary-time'),
    text: paperWords(
      counts === undefined
        ? 'summary-text-none'
        : isWholeFolder(certificate)
          ? 'summary-text-folder'
          : 'summary-text',
    ),
  };
  if (counts === undefined) return { ...common, time: words('clocks-none'), by: paperWords('summary-none') };
  const at = time(counts.at);
  const { anchor: block } = anchorAt(
    facts,
    when.findIndex((clock) => isSame(clock, counts)),
  );
  if (counts.clock === 'block' && block !== undefined) {
    const chain = block.chain ?? block.chainId;
    return { ...common, time: at, by: paperWords('by-block', { chain, block: block.blockNumber }) };
  }
  const label = counts.token?.label;
  const by =
    label === undefined
      ? paperWords('by-other', { clock: counts.clock })
      : paperWords('by-authority', { label });
  return { ...common, time: at, by };
}
