import process from 'node:process';
import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../core/certificate/certificate.ts';
import { ETHEREUM_MAIN_CHAIN, type OtsProof, otsProof } from '../core/ots/proof.ts';
import { toHex } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import { sentence } from '../messages/sentence.ts';
import { writeNew } from './new-file.ts';
import { readSmall } from './read-small.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

/** The proof that the service gives, made from the certificate alone. */
export async function otsCommand(args: readonly string[]): Promise<number> {
  const { positionals } = parse(args, {});
  const [certificatePath, n, proofPath, ...more] = positionals;
  if (certificatePath === undefined || n === undefined || proofPath === undefined || more.length > 0)
    throw new UsageError('应为 kezheng ots CERTIFICATE N PROOF / is kezheng ots CERTIFICATE N PROOF');
  if (!/^(?:0|[1-9][0-9]{0,8})$/.test(n))
    throw new UsageError(`N 应为从 0 起的整数：${n} / N is a whole number from 0`);
  const certificate = await readSmall(certificatePath, MAX_CERTIFICATE_BYTES + 1);
  let proof: OtsProof;
  try {
    proof = otsProof(parseCertificate(certificate), Number(n));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { code, detail } = error;
    const [zh, en] = [sentence('zh', 'reason', code, detail), sentence('en', 'reason', code, detail)];
    process.stderr.write(`kezheng: ${printable(`${code}：${zh} / ${en}`)}\n`);
    return EXIT.invalid;
  }
  await writeNew(proofPath, proof.bytes);
  process.stdout.write(toldText(proofPath, proof));
  return EXIT.valid;
}

function toldText(path: string, proof: OtsProof): string {
  const { name, sha256, chainId, blockNumber, blockHash, transactionsRoot, timestamp } = proof;
  const main = chainId === ETHEREUM_MAIN_CHAIN;
  const lines = [
    `已写入 written: ${printable(path)}`,
    `文件 file: ${printable(name)}，SHA-256 ${sha256}`,
    main
      ? '链 chain: 1（以太坊主网 / Ethereum main chain）'
      : `链 chain: ${chainId}（不是以太坊主网；此格式不含链号 / not Ethereum's main chain; the format holds no chain id）`,
    `区块 block: ${blockNumber}，${new Date(timestamp * 1000).toISOString()}`,
    `区块哈希 block hash: ${blockHash}`,
    `transactionsRoot: 0x${toHex(transactionsRoot)}`,
    '证明中有整份清单；仍须向自选节点核对此区块 / the whole manifest stands in it; the block is still to be looked up at a node of your own choice',
  ];
  return `${lines.join('\n')}\n`;
}
