import process from 'node:process';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import { FormatError } from '../core/reason.ts';
import { evidenceRecord } from '../core/renewal/evidence-record.ts';
import { MAX_RENEWAL_BYTES, MAX_RENEWALS } from '../core/renewal/renewal.ts';
import { sentence } from '../messages/sentence.ts';
import { writeNew } from './new-file.ts';
import { readSmall } from './read-small.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

const FORM = 'kezheng evidence-record RENEWAL... CERTIFICATE --out FILE.ers';

/** Renewals in a form that other people's software checks; the certificate's bytes are what it is of. */
export async function evidenceRecordCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { out: { type: 'string' } });
  const certificate = positionals.at(-1);
  const renewals = positionals.slice(0, -1);
  if (certificate === undefined || renewals.length === 0 || values.out === undefined)
    throw new UsageError(`应为 ${FORM} / is ${FORM}`);
  if (renewals.length > MAX_RENEWALS)
    throw new UsageError(`续期最多 ${MAX_RENEWALS} 份 / at most ${MAX_RENEWALS} renewals`);
  const given: Uint8Array[] = [];
  for (const path of renewals) given.push(await readSmall(path, MAX_RENEWAL_BYTES + 1));
  let record: Uint8Array;
  try {
    record = evidenceRecord(await readSmall(certificate, MAX_CERTIFICATE_BYTES + 1), given);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { code, detail } = error;
    const [zh, en] = [sentence('zh', 'reason', code, detail), sentence('en', 'reason', code, detail)];
    process.stderr.write(`kezheng: ${printable(`${code}：${zh} / ${en}`)}\n`);
    return EXIT.invalid;
  }
  await writeNew(values.out, record);
  process.stdout.write(
    `已写入 written: ${printable(values.out)}\n${renewals.length} 次续期 renewals, RFC 4998 EvidenceRecord；对象为证书文件的原始字节 / of the exact bytes of ${printable(certificate)}\n`,
  );
  return EXIT.valid;
}
