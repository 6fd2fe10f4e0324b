import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { recordOf } from '../casework/room.ts';
import {
  eraseIdentityNumber,
  IDENTITY_KINDS,
  type IdentityKind,
  type IdentityNumberDeps,
  keepIdentityNumber,
  readIdentityNumber,
} from '../identity/identity-numbers.ts';
import { requires } from './auth.ts';
import { type CaseRoutes, caseFor } from './cases.ts';
import { Problem } from './problem.ts';
import { closed, problems, Uuid } from './schemas.ts';

export interface IdentityNumberRoutes extends CaseRoutes {
  readonly identityNumbers: IdentityNumberDeps;
}

const Given = Type.Object(
  {
    kind: Type.Unsafe<IdentityKind>({
      type: 'string',
      enum: [...IDENTITY_KINDS],
      description: '居民身份证、护照、其他 / resident, passport, other',
    }),
    number: Type.String({ minLength: 1, maxLength: 100, description: '证件号码 / number' }),
  },
  closed,
);
const common = { tags: ['cases'], security: [{ apiKey: [] }, { session: [] }] };
const ReadParams = Type.Object({ id: Uuid, identity: Uuid }, closed);

/** Numbers of identity documents: handed in once, shown masked, and whole to the notary of a case alone. */
export function identityNumberRoutes(app: FastifyInstance, deps: IdentityNumberRoutes): void {
  const open = { onRequest: requires(deps.checkKey, 'cases.open') };
  app.post<{ Body: { kind: IdentityKind; number: string } }>(
    '/v1/identity-numbers',
    {
      ...open,
      schema: {
        ...common,
        summary:
          '存入证件号码（加密保存，只显示脱敏形式） / keep an identity number, sealed; only its masked form is shown',
        body: Given,
        response: {
          201: Type.Object({ id: Uuid, kind: Type.String(), masked: Type.String() }),
          ...problems(400, 401, 403, 422),
        },
      },
    },
    async (request, reply) => {
      const { kind, number } = request.body;
      const organization = request.caller.organization.id;
      const kept = await keepIdentityNumber(deps.identityNumbers, { organization, kind, number });
      if (typeof kept === 'string') throw new Problem(kept);
      return reply.code(201).send({ id: kept.id, kind, masked: kept.masked });
    },
  );
  app.delete<{ Params: { id: string } }>(
    '/v1/identity-numbers/:id',
    {
      ...open,
      schema: {
        ...common,
        summary: '删除证件号码（保留脱敏形式） / erase a number; its masked form stays',
        params: Type.Object({ id: Uuid }, closed),
        response: { 204: Type.Null(), ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { organization, person, keyId } = request.caller;
      const kept = await deps.identityNumbers.people.identityNumber(request.params.id);
      const by = { person: person?.id ?? keyId, organization: organization.id };
      if (
        kept?.organization !== organization.id ||
        !(await eraseIdentityNumber(deps.identityNumbers, kept.id, by))
      )
        throw new Problem('not-found');
      return reply.code(204).send();
    },
  );
  app.get<{ Params: { id: string; identity: string } }>(
    '/v1/cases/:id/identity-numbers/:identity',
    {
      onRequest: requires(deps.checkKey, 'identity-number.read'),
      schema: {
        ...common,
        summary: '查看案中证件号码的全文（留痕） / a whole number of the case; that it was read is recorded',
        params: ReadParams,
        response: {
          200: Type.Object({ kind: Type.String(), number: Type.String() }),
          ...problems(401, 403, 404, 410),
        },
      },
    },
    async (request) => readWhole(deps, request),
  );
}

/** Only of a case of one's own office, and only what stands in it by one of its parties. */
async function readWhole(deps: IdentityNumberRoutes, request: FastifyRequest) {
  const { identity } = request.params as { identity: string };
  const stored = await caseFor(deps, request);
  const { organization, person } = request.caller;
  const parties = await deps.store.partiesOf(stored.id);
  const isOffice = parties.some((one) => one.organization === organization.id && one.part === 'office');
  const named = deps.cases.roomOf(stored.procedure)!.identities(recordOf(stored));
  const kept = await deps.identityNumbers.people.identityNumber(identity);
  const isOfParty = parties.some((one) => one.organization === kept?.organization);
  if (!isOffice || !named.includes(identity) || !isOfParty) throw new Problem('not-found');
  const read = await readIdentityNumber(deps.identityNumbers, identity, {
    person: person!.id,
    organization: organization.id,
    purpose: `case ${stored.id}`,
  });
  if (read === 'not-found') throw new Problem('not-found');
  if (read === 'erased') throw new Problem('identity-number-erased');
  return read;
}
