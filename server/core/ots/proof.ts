import { decodeHeader } from '../anchor/header.ts';
import { decodeTransaction } from '../anchor/transaction.ts';
import type { Certificate, HeaderAnchor, TreePath } from '../certificate/certificate.ts';
import { FILE_FORMAT } from '../entry/file-entry.ts';
import { MANIFEST_FORMAT } from '../entry/manifest.ts';
import { concat, equalBytes, fromHex, utf8 } from '../read/bytes.ts';
import { canonicalize, type JsonObject, parseJson } from '../read/json.ts';
import { FormatError } from '../reason.ts';
import { proofSides, rootFromProof } from '../tree/tree.ts';
import { MAX_MESSAGE_BYTES, OtsPath } from './path.ts';

/*
 * FORMAT-MORE.md, «OpenTimestamps»: what a certificate says of one file, from the file's SHA-256 up to the transactionsRoot
 * of a block, in a form that programs of others check. Each message stands in the next one, so a way that comes to the
 * right root proves all that is on it, whoever composed it.
 */

/** The message that is hashed to a leaf is 0x00 ‖ entry. */
export const MAX_OTS_ENTRY_BYTES = MAX_MESSAGE_BYTES - 1;

/** The only chain for which the format's attestation says enough: it holds a block number and no chain id. */
export const ETHEREUM_MAIN_CHAIN = 1;

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);
const NOTHING = new Uint8Array();

export interface OtsProof {
  readonly bytes: Uint8Array;
  /** as the entry lists the file */
  readonly name: string;
  readonly sha256: string;
  /** what the proof should be called */
  readonly fileName: string;
  readonly chainId: number;
  readonly blockNumber: number;
  readonly blockHash: string;
  /** Unix seconds */
  readonly timestamp: number;
  readonly transactionsRoot: Uint8Array;
}

/** The proof for file `n` (from 0) of the certificate's entry. Throws FormatError where this form cannot hold it. */
export function otsProof(certificate: Certificate, n: number): OtsProof {
  const { sha256, name, emptied } = listedFile(certificate, n);
  const { folder, batch } = certificate.inclusion;
  const path = new OtsPath(fromHex(sha256));
  intoDocument(path, certificate.entryBytes, emptied);
  if (folder !== undefined) {
    intoTree(path, folder);
    const manifest = parseJson(folder.manifestBytes) as JsonObject;
    const inFolder = manifest['folder'] as JsonObject;
    intoDocument(path, folder.manifestBytes, { ...manifest, folder: { ...inFolder, root: '' } });
  }
  intoTree(path, batch);
  const { anchor, chainId } = chosenAnchor(certificate);
  const { transactionsRoot, number, hash, timestamp } = intoBlock(path, anchor);
  return {
    bytes: path.attestedByEthereum(number),
    name,
    sha256,
    fileName: otsFileName(name, chainId),
    chainId,
    blockNumber: number,
    blockHash: hash,
    timestamp,
    transactionsRoot,
  };
}

/** `photo.jpg.ots`; of another chain than Ethereum's main one the name says which, as nothing inside does. */
export const otsFileName = (name: string, chainId: number): string =>
  chainId === ETHEREUM_MAIN_CHAIN ? `${name}.ots` : `${name}.chain-${chainId}.ots`;

/** A listed file's digest and name, and the entry as it would be if that one digest were empty. */
function listedFile(
  { entry, entryBytes }: Certificate,
  n: number,
): { readonly sha256: string; readonly name: string; readonly emptied: JsonObject } {
  const document = parseJson(entryBytes) as JsonObject;
  if (entry.format === MANIFEST_FORMAT && n in entry.files) {
    const files = document['files'] as readonly JsonObject[];
    return {
      ...entry.files[n]!,
      emptied: { ...document, files: files.with(n, { ...files[n], sha256: '' }) },
    };
  }
  if (entry.format === FILE_FORMAT && n === 0) return { ...entry, emptied: { ...document, sha256: '' } };
  throw new FormatError('ots-file-missing', { file: n });
}

/**
 * From a digest to the hash of the leaf of the document in which its digits stand. Where: the document with that one
 * member empty has the same bytes up to there, whatever else in it looks like the digest.
 */
function intoDocument(path: OtsPath, document: Uint8Array, emptied: JsonObject): void {
  if (document.length > MAX_OTS_ENTRY_BYTES)
    throw new FormatError('ots-manifest-too-large', { limit: MAX_OTS_ENTRY_BYTES, actual: document.length });
  const at = utf8(canonicalize(emptied)).findIndex((byte, i) => byte !== document[i]);
  path.hexlify();
  path.enclose(concat(LEAF_PREFIX, document.subarray(0, at)), document.subarray(at + path.message.length));
  path.sha256();
}

/** From a leaf to the root of its tree: RFC 6962 §2.1. */
function intoTree(path: OtsPath, { index, size, hashes }: TreePath): void {
  // For what it refuses: an index, a size or a number of hashes that do not belong together.
  rootFromProof(path.message, index, size, hashes);
  for (const [i, side] of proofSides(index, size).entries()) {
    if (side === 'left') path.enclose(concat(NODE_PREFIX, hashes[i]!), NOTHING);
    else path.enclose(NODE_PREFIX, hashes[i]!);
    path.sha256();
  }
}

/** Ethereum's main chain before any other, because the format means that one. */
function chosenAnchor({ anchors }: Certificate): { readonly anchor: HeaderAnchor; readonly chainId: number } {
  const known = anchors
    .filter((anchor) => anchor.type === 'ethereum-header/1')
    .map((anchor) => ({ anchor, chainId: decodeTransaction(anchor.transaction).chainId }));
  const chosen = known.find(({ chainId }) => chainId === ETHEREUM_MAIN_CHAIN) ?? known[0];
  if (chosen === undefined) throw new FormatError('ots-anchor-missing');
  return chosen;
}

/** From the root of a batch through the transaction that carries it and the nodes of the trie, leaf first. */
function intoBlock(path: OtsPath, { header, transaction, transactionProof }: HeaderAnchor) {
  const block = decodeHeader(header);
  into(path, transaction, 'transaction');
  for (const [i, node] of [...transactionProof.entries()].reverse()) {
    into(path, node, `transactionProof[${i}]`);
    path.keccak256();
  }
  if (!equalBytes(path.message, block.transactionsRoot))
    throw new FormatError('ots-not-contained', { part: 'header' });
  return block;
}

/**
 * The message becomes the bytes in which it stands; where it stands twice, either place proves the same. The limit comes
 * first: what is longer is not worth searching.
 */
function into(path: OtsPath, whole: Uint8Array, part: string): void {
  if (whole.length > MAX_MESSAGE_BYTES)
    throw new FormatError('ots-message-too-long', { limit: MAX_MESSAGE_BYTES, actual: whole.length });
  const at = indexOf(whole, path.message);
  if (at === -1) throw new FormatError('ots-not-contained', { part });
  path.enclose(whole.subarray(0, at), whole.subarray(at + path.message.length));
}

const indexOf = (whole: Uint8Array, part: Uint8Array): number =>
  whole.findIndex((_, at) => equalBytes(whole.subarray(at, at + part.length), part));
