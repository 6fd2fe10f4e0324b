import { headerAnchor } from '../core/certificate/certificate.ts';
import { utf8 } from '../core/read/bytes.ts';
import { parseJson } from '../core/read/json.ts';
import { FormatError, type Reason } from '../core/reason.ts';
import { checkAnchor } from '../core/verify/anchors.ts';
import type { AnchorFact } from '../core/verify/report.ts';
import type { Trust } from '../core/verify/trust.ts';
import type { RawLog } from '../ports/inspect.ts';

/** Of a stored proof: what it proves, or why it does not. */
export type ProofFinding =
  | { readonly fact: AnchorFact }
  | { readonly failed: { readonly check: string; readonly reason: Reason } };

/** Runs the checks that a certificate's anchor gets, with the anchor's own log as the only one that is trusted. */
export function checkProof(stored: string, log: RawLog): ProofFinding {
  try {
    const { checks, fact } = checkAnchor(
      headerAnchor(parseJson(utf8(stored)), 'proof'),
      'proof',
      trustIn([log]),
      [],
    );
    const failed = checks.find((check) => check.status === 'failed');
    if (failed !== undefined) return { failed: { check: failed.id, reason: failed.reason } };
    if (fact !== undefined) return { fact };
    const open = checks.find((check) => check.status !== 'passed')!;
    return { failed: { check: open.id, reason: open.reason } };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { failed: { check: 'anchor', reason: error } };
  }
}

/** The installation's own logs; what they are called does not matter to a check. */
export const trustIn = (logs: readonly RawLog[], issuers: Trust['issuers'] = []): Trust => ({
  name: 'fsck',
  logs: logs.map(({ chainId, genesisHash, contract, operator }) => ({
    ...{ chainId, genesisHash, contract, operator },
    chain: '',
    runBy: '',
    test: true,
  })),
  authorities: [],
  issuers,
});
