import { type PackageWord, packageWords } from '../../messages/package.ts';

/*
 * README.txt of a package: what is in it, and the exact commands that check it with other people's tools. A line with a
 * command begins with `$ `, its further lines with `> `: a test runs each of them as it stands here.
 */

export interface ReadmeToken {
  /** `tokens/1`: of the reply, the chain and, where there is one, the stamped document */
  readonly base: string;
  readonly by: 'operator' | 'independent' | 'unknown';
  readonly label: string;
  /** what is stamped: a file in the package, or a digest where it is computed from the certificate */
  readonly over: { readonly file: string } | { readonly digest: string; readonly token: number };
  /** Unix seconds, at or after genTime */
  readonly atSeconds: number;
}

export interface ReadmeInput {
  readonly number: string;
  readonly revision: number;
  readonly id: string;
  readonly testChain: boolean;
  /** a folder by its root, whose files are not listed */
  readonly isFolder: boolean;
  readonly originals: readonly {
    readonly path: string;
    readonly sha256: string;
    readonly sm3: string | null;
  }[];
  readonly leftOut: readonly {
    readonly word: PackageWord;
    readonly values: Readonly<Record<string, string>>;
  }[];
  readonly tokens: readonly ReadmeToken[];
  readonly blocks: readonly { readonly chainId: number; readonly number: number; readonly hash: string }[];
  readonly hasOts: boolean;
  readonly publicUrl: string;
  /** SHA-256 of the page that checks */
  readonly page: string | undefined;
}

type Lines = readonly string[];

const both = (word: PackageWord, values: Readonly<Record<string, string | number>> = {}): Lines => {
  const { zh, en } = packageWords(word, values);
  return [printable(zh), printable(en)];
};

/** Names come from depositors: none of them begins a line, ends one, or turns the direction of writing. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\ufffd');

const heading = (word: PackageWord): Lines => {
  const { zh, en } = packageWords(word);
  return ['', '', `== ${zh} / ${en} ==`, ''];
};

/** A command of one line or more. */
const command = (text: string): Lines => [
  '',
  ...text.split('\n').map((line, i) => `${i === 0 ? '$' : '>'} ${line}`),
  '',
];

/** With a byte order mark: an old editor on Windows reads it as what it is. Its lines end as Windows has them. */
export function readme(input: ReadmeInput): string {
  const { number, revision, id } = input;
  const lines = [
    ...both('title', { number }),
    '',
    ...both('made-from', { number, revision, id }),
    ...(input.testChain ? ['', ...both('test-chain')] : []),
    '',
    ...both('intro'),
    ...contents(input),
    ...digests(input),
    ...manifest(),
    ...tokens(input),
    ...paper(input),
    ...chain(input),
    ...ots(input),
    ...whole(input),
  ];
  return `\ufeff${lines.join('\r\n')}\r\n`;
}

const ITEMS: readonly (readonly [string, PackageWord])[] = [
  ['manifest.json', 'in-manifest'],
  ['certificate.json', 'in-certificate'],
  ['certificate.pdf', 'in-paper'],
];

function contents({ originals, tokens: stamps, hasOts, leftOut }: ReadmeInput): Lines {
  const items: (readonly [string, PackageWord])[] = [
    ...(originals.length > 0 ? [['files/', 'in-files'] as const] : []),
    ...ITEMS,
    ...(stamps.length > 0 ? [['tokens/', 'in-tokens'] as const] : []),
    ...(hasOts ? [['ots/', 'in-ots'] as const] : []),
    ['trust.json', 'in-trust'],
  ];
  return [
    ...heading('contents'),
    ...items.flatMap(([name, word]) => [name, ...both(word).map((line) => `    ${line}`)]),
    ...(leftOut.length === 0 ? [] : ['', ...both('left-out')]),
    ...leftOut.flatMap(({ word, values }) => both(word, values).map((line) => `  - ${line}`)),
  ];
}

function digests({ originals, isFolder }: ReadmeInput): Lines {
  if (isFolder) return [...heading('check-digests'), ...both('digests-folder')];
  if (originals.length === 0)
    return [
      ...heading('check-digests'),
      ...both('digests-none'),
      '',
      '  sha256sum FILE...',
      '  openssl dgst -sm3 FILE...',
    ];
  return [
    ...heading('check-digests'),
    ...both('digests-how'),
    ...originals.flatMap(({ path, sha256, sm3 }) => [
      `  ${path}`,
      `    SHA-256 ${sha256}`,
      ...(sm3 === null ? [] : [`    SM3     ${sm3}`]),
    ]),
    ...command('sha256sum files/*'),
    ...command('openssl dgst -sm3 files/*'),
  ];
}

/** Python keeps the order of members and writes text as it is, so that a canonical document comes out as it went in. */
const manifest = (): Lines => [
  ...heading('check-manifest'),
  ...both('manifest-how'),
  ...command(
    `python3 -c 'import json, sys
entry = json.load(open("certificate.json", encoding="utf-8"))["entry"]
text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
sys.stdout.buffer.write(text.encode())' | cmp - manifest.json`,
  ),
];

const ROOT_OF_BULK = (token: number): string => `python3 -c 'import hashlib, json
H = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
certificate = json.load(open("certificate.json", encoding="utf-8"))
token = certificate["tokens"][${token}]
node, index, last = H(b"\\0", open("manifest.json", "rb").read()), token["index"], token["size"] - 1
for sibling in map(bytes.fromhex, token["hashes"]):
    if index % 2 or index == last:
        node = H(b"\\1", sibling, node)
        while not (index % 2 or index == 0):
            index, last = index // 2, last // 2
    else:
        node = H(b"\\1", node, sibling)
    index, last = index // 2, last // 2
print(node.hex())'`;

function tokens({ tokens: stamps }: ReadmeInput): Lines {
  if (stamps.length === 0) return [...heading('check-tokens'), ...both('tokens-none')];
  return [...heading('check-tokens'), ...both('tokens-how'), ...stamps.flatMap(oneToken)];
}

/** Of each certificate, and whether the list has it, which holds base64 of DER. */
const fingerprints = (file: string): string => `python3 -c 'import base64, hashlib, re
listed = open("trust.json", encoding="utf-8").read()
for pem in re.findall("BEGIN CERTIFICATE-+(.*?)-+END", open("${file}").read(), re.S):
    der = base64.b64decode(pem)
    known = base64.b64encode(der).decode() in listed
    print("SHA-256", hashlib.sha256(der).hexdigest(), "listed" if known else "not listed")'`;

function oneToken({ base, by, label, over, atSeconds }: ReadmeToken): Lines {
  const file = `${base}.tsr`;
  const what = 'file' in over ? `-data ${over.file}` : `-digest ${over.digest}`;
  const word = by === 'operator' ? 'token-own' : by === 'independent' ? 'token-independent' : 'token-unknown';
  return [
    '',
    ...both(word, { file, label }),
    ...('digest' in over ? both('token-bulk') : []),
    ...command(
      `openssl ts -verify ${what} -in ${file} -CAfile ${base}.pem -untrusted ${base}.pem -attime ${atSeconds}`,
    ),
    ...command(fingerprints(`${base}.pem`)),
    ...command(`openssl ts -reply -in ${file} -text`),
    ...('digest' in over ? command(ROOT_OF_BULK(over.token)) : []),
  ];
}

const paper = ({ number }: ReadmeInput): Lines => [
  ...heading('check-paper'),
  ...both('paper-how'),
  ...command('pdfsig certificate.pdf'),
  ...command(
    `pdfsig -dump certificate.pdf > /dev/null\nopenssl pkcs7 -inform DER -in certificate.pdf.sig0 -print_certs -out seal.pem`,
  ),
  ...command(fingerprints('seal.pem')),
  ...command(
    `pdfdetach -savefile certificate-${number}.json -o from-pdf.json certificate.pdf\ncmp from-pdf.json certificate.json`,
  ),
];

const chain = ({ blocks }: ReadmeInput): Lines => [
  ...heading('check-chain'),
  ...both('chain-how'),
  ...blocks.flatMap(({ chainId, number, hash }) => [
    '',
    ...both('chain-block', { chainId, number, hash }),
    ...command(
      `curl -s -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x${number.toString(16)}",false]}' "$NODE"`,
    ),
  ]),
];

const OTS = `python3 -c 'import glob
import opentimestamps.core.dubious.notary
from opentimestamps.core.serialize import BytesDeserializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile
for name in sorted(glob.glob("ots/*.ots")):
    proof = DetachedTimestampFile.deserialize(BytesDeserializationContext(open(name, "rb").read()))
    for message, attestation in proof.timestamp.all_attestations():
        print(proof.file_digest.hex(), "block", attestation.height, "transactionsRoot 0x" + message.hex())'`;

const ots = ({ hasOts }: ReadmeInput): Lines => [
  ...heading('check-ots'),
  ...(hasOts ? [...both('ots-how'), ...command(OTS)] : both('ots-none')),
];

function whole({ originals, isFolder, publicUrl, page }: ReadmeInput): Lines {
  const files = originals.length > 0 ? ' files/*' : '';
  return [
    ...heading('check-all'),
    ...both('all-trust'),
    ...(isFolder ? ['', ...both('all-folder')] : []),
    '',
    ...both('all-kezheng'),
    ...command(`kezheng verify certificate.json${files} --trust trust.json --rpc "$NODE"`),
    ...both('all-pdf'),
    ...command(`kezheng verify certificate.pdf${files} --trust trust.json --rpc "$NODE"`),
    ...both('all-python'),
    ...command(
      `python3 checker.py --check certificate.json --trust trust.json --block-hash "$BLOCK_HASH"${files}`,
    ),
    ...(page === undefined
      ? []
      : [
          ...both('all-page', { url: publicUrl, sha256: page }),
          ...command(`curl -s -o verify.html ${publicUrl}/verify.html\nsha256sum verify.html`),
        ]),
  ];
}
