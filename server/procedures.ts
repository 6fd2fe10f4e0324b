import { type Accesses, createAccesses } from './casework/access.ts';
import { type Cases, createCases } from './casework/cases.ts';
import {
  checkEvidence,
  type EvidenceCheck,
  type EvidenceCheckDeps,
  glanceAtEvidence,
} from './casework/evidence.ts';
import { type NotarizationDeps, notarizationRoom } from './casework/notarization/room.ts';
import type { Clock } from './ports/clock.ts';
import type { Issuer } from './ports/issuer.ts';
import type { Store } from './ports/store.ts';

/* The procedures that this service runs, with what each has to look up. */

export interface ProcedureDeps {
  readonly store: Store;
  readonly evidence: EvidenceCheckDeps;
  readonly issuer: Issuer;
  readonly clock: Clock;
  readonly service: string;
  readonly codeOf: NotarizationDeps['codeOf'];
  readonly examineDeed: NotarizationDeps['examineDeed'];
}

export interface Procedures {
  readonly cases: Cases;
  readonly accesses: Accesses;
  readonly checkEvidence: (organization: string, id: string) => Promise<EvidenceCheck>;
}

/** Whoever approves deeds is a notary (公证法 Art. 16) with one more task. */
const NOTARIES: readonly string[] = ['notary', 'approver'];

export function openProcedures(deps: ProcedureDeps): Procedures {
  const { store, issuer, clock, service, evidence } = deps;
  const check = (organization: string, id: string) => checkEvidence(evidence, organization, id);
  const notarization = notarizationRoom({
    store,
    checkEvidence: check,
    glanceAt: (organization, id) => glanceAtEvidence(evidence, organization, id),
    async notariesOf(office) {
      const members = await store.membersOf(office);
      return members
        .filter(({ roles }) => roles.some((role) => NOTARIES.includes(role)))
        .map(({ person }) => person);
    },
    examineDeed: deps.examineDeed,
    codeOf: deps.codeOf,
  });
  return {
    cases: createCases({ store, rooms: [notarization], issuer, clock, service }),
    accesses: createAccesses({ store, issuer, clock, service }),
    checkEvidence: check,
  };
}
