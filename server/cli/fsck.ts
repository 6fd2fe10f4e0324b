import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fsck } from '../audit/fsck.ts';
import type { Repairs } from '../audit/repair.ts';
import { FormatError } from '../core/reason.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { parseTrust, type Trust } from '../core/verify/trust.ts';
import { InspectionFailed } from '../ports/inspect.ts';
import { auditTools, localNode, storageSettings } from './data.ts';
import { expectationOf, ownTrust } from './expected.ts';
import { tellFindings } from './findings-text.ts';
import { confirmationsOf, nodesOf } from './node.ts';
import { certificatesIn } from './pem.ts';
import { parse, UsageError, userPath } from './usage.ts';

/** Looks at all that is stored, beside a running service or without one; writes nothing without --repair. */
export async function fsckCommand(args: readonly string[], signatures: SignatureVerifier): Promise<number> {
  const { values, positionals } = parse(args, {
    repair: { type: 'boolean' },
    quick: { type: 'boolean' },
    rpc: { type: 'string' },
    confirmations: { type: 'string' },
    trust: { type: 'string' },
    json: { type: 'boolean' },
  });
  if (positionals.length > 0) throw new UsageError(`fsck: ${positionals.join(' ')}`);
  const rpc = values.rpc ?? process.env['KEZHENG_RPC_URL'] ?? (await localNode());
  const nodes = nodesOf(rpc);
  const confirmations = confirmationsOf(values.confirmations ?? process.env['KEZHENG_CONFIRMATIONS']);
  const trust = values.trust === undefined ? undefined : await readTrust(values.trust);
  const issuers = await issuersOf(trust, 'issuer');
  // Who gives a list believes that one, and otherwise what the service wrote down; earlier keys stand there, but where
  // the key comes from outside of the data folder, nothing in it adds to it.
  const believed = trust ?? (await ownTrust());
  const stampers = await issuersOf(configuredFile('tsa') ? trust : believed, 'tsa');
  const report = tellFindings(values.json ?? false);
  const expected = await expectationOf(trust, report);
  const inspection = await auditTools.openInspection();
  let writing: Awaited<ReturnType<typeof auditTools.repairing>> | undefined;
  /** Opening the store or the files for writing changes them (what is left over goes): only when a repair is made. */
  const open = async () => (writing ??= await auditTools.repairing());
  const nowMs = Date.now();
  const repairs: Repairs = {
    store: {
      anchorsOfLog: async (...given) => (await open()).store.anchorsOfLog(...given),
      planAnchor: async (...given) => (await open()).store.planAnchor(...given),
      recordMined: async (...given) => (await open()).store.recordMined(...given),
      recordConfirmations: async (...given) => (await open()).store.recordConfirmations(...given),
      recordFinal: async (...given) => (await open()).store.recordFinal(...given),
    },
    blobs: { keep: async (...given) => (await open()).blobs.keep(...given) },
    lookup: inspection.lookup,
    prove: (log, append) => auditTools.proveWith(rpc!.split(',')[0]!.trim(), log, append),
    nowMs,
  };
  try {
    await fsck({
      ...inspection,
      signatures,
      issuers,
      stampers,
      authorities: believed?.authorities ?? [],
      expected,
      nodes,
      confirmations,
      contractCode: auditTools.contractCode(),
      thorough: !(values.quick ?? false),
      nowMs,
      report,
      repairs: values.repair ? repairs : undefined,
    });
  } catch (error) {
    if (!(error instanceof InspectionFailed)) throw error;
    report.unread('database', error.message);
  } finally {
    await inspection.close();
    await writing?.close();
  }
  return report.end();
}

/** Certificates that are configured and do not lie in the data folder. */
const configuredFile = (purpose: 'issuer' | 'tsa'): string | undefined =>
  process.env[`KEZHENG_${purpose.toUpperCase()}_CERT_FILE`] || undefined;

/** The installation's own certificate, and those of a trust list that is given, for what earlier keys signed. */
async function issuersOf(trust: Trust | undefined, purpose: 'issuer' | 'tsa'): Promise<Trust['issuers']> {
  const issuers = [...(trust?.issuers ?? [])];
  const configured = configuredFile(purpose);
  const path = configured ? resolve(configured) : join(storageSettings().dataDir, `${purpose}.cert.pem`);
  const pem = await readFile(path, 'utf8').catch(() => '');
  try {
    const certificates = certificatesIn(pem);
    if (certificates.length > 0) issuers.push({ name: path, certificates });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new UsageError(`${path}: ${error.code}`);
  }
  return issuers;
}

export async function readTrust(path: string): Promise<Trust> {
  try {
    return parseTrust(await readFile(userPath(path)));
  } catch (error) {
    const why = error instanceof FormatError ? error.code : (error as Error).message;
    throw new UsageError(`--trust ${path}: ${why}`);
  }
}
