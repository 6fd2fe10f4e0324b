import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { parseCertificate } from '../../server/core/certificate/certificate.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type JsonObject } from '../../server/core/read/json.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { blocksToCompare, verifyCertificate } from '../../server/core/verify/verify.ts';
import type { CertificateInput } from '../../server/documents/input.ts';
import { attachmentsOf } from '../../server/pipeline/paper.ts';

/* A certificate of the vectors, changed at will: what is drawn does not depend on whether signatures hold. */

const VECTORS = join(import.meta.dirname, '..', 'vectors');

interface Case {
  readonly certificate: string;
  readonly trust: JsonObject;
}

const [CASE] = JSON.parse(readFileSync(join(VECTORS, 'cases.json'), 'utf8')) as [Case];
const text = readFileSync(join(VECTORS, CASE.certificate), 'utf8');

// biome-ignore lint/suspicious/noExplicitAny: changed by tests member by member
export type Document = any;

/** The bytes after a change. */
export function changed(change: (document: Document) => void = () => {}): Uint8Array {
  const document = JSON.parse(text) as Document;
  change(document);
  return utf8(canonicalize(document as JsonObject));
}

/** What the paper is made of. The trust list calls the chain a test chain unless the test says otherwise. */
export async function inputOf(
  bytes: Uint8Array,
  more: Partial<CertificateInput> & { readonly real?: boolean } = {},
): Promise<CertificateInput> {
  const { real = false, ...rest } = more;
  const list = JSON.parse(JSON.stringify(CASE.trust)) as Document;
  for (const log of list.logs) log.test = !real;
  const blocks = blocksToCompare(bytes).map(({ chainId, number, hash }) => ({
    source: 'x',
    chainId,
    number,
    hash,
  }));
  const certificate = parseCertificate(bytes);
  const original = await verifyCertificate({
    certificate: utf8(text),
    files: [],
    trust: parseTrust(utf8(JSON.stringify(list))),
    blocks,
    signatures: nodeSignatures,
  });
  return {
    certificate,
    facts: original.facts!,
    notProven: original.notProven,
    testChain: original.testChain,
    fixity: [],
    readings: undefined,
    issuer: { name: 'CN=issuer', fingerprint: 'ab'.repeat(32) },
    seal: { name: 'CN=seal', fingerprint: 'cd'.repeat(32) },
    checker: undefined,
    publicUrl: 'https://kezheng.example',
    attached: attachmentsOf(bytes),
    ...rest,
  };
}
