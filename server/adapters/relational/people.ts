import type { Kysely } from 'kysely';
import { accountReads, accountWrites } from './people-accounts.ts';
import { demandReads, demandWrites } from './people-demands.ts';
import { accountEventReads, accountEventWrites } from './people-events.ts';
import { factorReads, factorWrites } from './people-factors.ts';
import { forgetPeople } from './people-forgetting.ts';
import { identityNumberReads, identityNumberWrites } from './people-identity-numbers.ts';
import { invitationReads, invitationWrites } from './people-invitations.ts';
import { keyMakerReads, keyMakerWrites } from './people-key-makers.ts';
import { keyUseReads, keyUseWrites } from './people-key-uses.ts';
import { membershipReads, membershipWrites } from './people-memberships.ts';
import { sealedReads, sealedWrites } from './people-sealed.ts';
import { sessionReads, sessionWrites } from './people-sessions.ts';
import { subjectReads, subjectWrites } from './people-subjects.ts';
import type { SharedSchema } from './shared-schema.ts';

/** The port `people`, each part in a file of its own. */
export const peopleReads = (query: Kysely<SharedSchema>) => ({
  ...accountReads(query),
  ...membershipReads(query),
  ...invitationReads(query),
  ...sessionReads(query),
  ...factorReads(query),
  ...subjectReads(query),
  ...accountEventReads(query),
  ...identityNumberReads(query),
  ...sealedReads(query),
  ...demandReads(query),
  ...keyUseReads(query),
  ...keyMakerReads(query),
});

export const peopleWrites = (query: Kysely<SharedSchema>) => ({
  ...accountWrites(query),
  ...membershipWrites(query),
  ...invitationWrites(query),
  ...sessionWrites(query),
  ...factorWrites(query),
  ...subjectWrites(query),
  ...accountEventWrites(query),
  ...identityNumberWrites(query),
  ...sealedWrites(query),
  ...demandWrites(query),
  ...keyUseWrites(query),
  ...keyMakerWrites(query),
  forgetOldPeople: forgetPeople(query),
});
