import { type Accesses, createAccesses } from './casework/access.ts';
import { type Cases, createCases } from './casework/cases.ts';
import {
  checkEvidence,
  type EvidenceCheck,
  type EvidenceCheckDeps,
  glanceAtEvidence,
} from './casework/evidence.ts';
import { examineDeed } from './casework/notarization/deed/examine.ts';
import { codeOf } from './casework/notarization/deed/papers.ts';
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
}

export interface Procedures {
  readonly cases: Cases;
  readonly accesses: Accesses;
  readonly checkEvidence: (organization: string, id: string) => Promise<EvidenceCheck>;
  readonly lookUps: NotarizationDeps;
}

/** Whoever approves deeds is a notary (公证法 Art. 16) with one more task. */
const NOTARIES: readonly string[] = ['notary', 'approver'];

export function openProcedures(deps: ProcedureDeps): Procedures {
  const { store, issuer, clock, service, evidence } = deps;
  const check = (organization: string, id: string) => checkEvidence(evidence, organization, id);
  const lookUps: NotarizationDeps = {
    store,
    checkEvidence: check,
    glanceAt: (organization, id) => glanceAtEvidence(evidence, organization, id),
    async notariesOf(office) {
      const members = await store.membersOf(office);
      return members
        .filter(({ roles }) => roles.some((role) => NOTARIES.includes(role)))
        .map(({ person }) => person);
    },
    examineDeed: (id, office, named) => examineDeed({ store }, id, office, named),
    codeOf: (id) => codeOf(store, id),
  };
  const room = notarizationRoom(lookUps);
  return {
    cases: createCases({ store, rooms: [room], issuer, clock, service }),
    accesses: createAccesses({ store, issuer, clock, service }),
    checkEvidence: check,
    lookUps,
  };
}
