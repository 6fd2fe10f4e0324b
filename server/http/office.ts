import type { FastifyInstance, FastifyRequest } from 'fastify';
import { OfficeSettings, officeOf, setOffice, signersIn } from '../casework/notarization/office.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { eventRecorder } from '../identity/account-events.ts';
import type { CaseStore } from '../ports/cases.ts';
import type { Clock } from '../ports/clock.ts';
import type { PeopleStore } from '../ports/people.ts';
import { type CheckKey, requires } from './auth.ts';
import { problems } from './schemas.ts';

export interface OfficeRoutes {
  readonly store: CaseStore & Pick<PeopleStore, 'recordAccountEvent'>;
  readonly clock: Clock;
  readonly signatures: SignatureVerifier;
  readonly checkKey: CheckKey;
}

/** Four chains of four certificates, and the rest. */
const MAX_BYTES = 256 * 1024;

/** What a notary office sets for itself; everybody in it sees it. */
export function officeRoutes(app: FastifyInstance, deps: OfficeRoutes): void {
  const common = { tags: ['office'], security: [{ session: [] }] };
  const view = async (request: FastifyRequest) => {
    const office = await officeOf(deps.store, request.caller.organization.id);
    return { ...office, signers: signersIn(office) };
  };
  app.get(
    '/v1/office',
    {
      onRequest: requires(deps.checkKey, 'office.read'),
      schema: {
        ...common,
        summary: '本处设置：编号格式、签名证书、期限、收费项目 / what the office has set',
        response: problems(401, 403),
      },
    },
    view,
  );
  app.put<{ Body: OfficeSettings }>(
    '/v1/office',
    {
      onRequest: requires(deps.checkKey, 'office.manage'),
      bodyLimit: MAX_BYTES,
      schema: {
        ...common,
        summary: '修改本处设置，未给出的不变 / set what is named; the rest stays',
        body: OfficeSettings,
        response: problems(400, 401, 403, 413, 422),
      },
    },
    async (request) => {
      const { organization, person } = request.caller;
      const now = { nowMs: deps.clock.nowMs(), verifier: deps.signatures };
      await setOffice(deps.store, organization.id, request.body, now);
      await eventRecorder(deps.store, deps.clock)(
        'office-set',
        { person: person?.id, organization: organization.id },
        { settings: Object.keys(request.body) },
      );
      return view(request);
    },
  );
}
