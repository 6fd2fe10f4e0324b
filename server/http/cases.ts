import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  type Actors,
  CaseBusy,
  CaseFull,
  type Cases,
  ClaimReused,
  type Kept,
  NoSuchCase,
} from '../casework/cases.ts';
import { ContentTooLarge } from '../casework/chain.ts';
import type { Refused } from '../casework/engine/act.ts';
import type { Actor } from '../casework/engine/case.ts';
import { presentRefusal } from '../casework/engine/refusal.ts';
import { familyOf } from '../casework/engine/table.ts';
import type { Caller } from '../identity/api-keys.ts';
import type { CaseStore, StoredCase } from '../ports/cases.ts';
import type { Clock } from '../ports/clock.ts';
import { type CheckKey, requires } from './auth.ts';
import { type CaseView, caseView, procedureView } from './case-view.ts';
import { claimsOf } from './idempotency.ts';
import { Problem } from './problem.ts';
import { problems, Uuid } from './schemas.ts';

export interface CaseRoutes {
  readonly store: CaseStore;
  readonly cases: Cases;
  readonly clock: Clock;
  readonly checkKey: CheckKey;
}

const CaseParams = Type.Object({ id: Uuid }, { additionalProperties: false });
const Word = Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$', description: '办事动作 / action' });
const ActionParams = Type.Object({ id: Uuid, action: Word }, { additionalProperties: false });
const ProcedureName = Type.String({
  pattern: '^[a-z][a-z-]{0,31}/[1-9][0-9]{0,3}$',
  description: '程序与版本，如 notarization/1 / procedure and version',
});
/** What an action is given is judged by its own schema in the table (GET /v1/procedures/…). */
const Input = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  description: '该动作的内容，见 GET /v1/procedures / as the procedure describes it',
});
const Opening = Type.Object({ procedure: ProcedureName, input: Input }, { additionalProperties: false });

const claimOf = claimsOf('POST /v1/cases');

const common = { tags: ['cases'], security: [{ apiKey: [] }] };

/** Cases of procedures: everybody sees those in which his organization has a part, and no others (404). */
export function caseRoutes(app: FastifyInstance, deps: CaseRoutes): void {
  const read = { onRequest: requires(deps.checkKey, 'cases.read') };
  app.get<{ Params: { family: string; version: number } }>(
    '/v1/procedures/:family/:version',
    {
      schema: {
        tags: ['cases'],
        summary: '程序：状态、动作、条件、期限 / a procedure: states, actions, guards, clocks',
        params: Type.Object(
          {
            family: Type.String({ pattern: '^[a-z][a-z-]{0,31}$' }),
            version: Type.Integer({ minimum: 1, maximum: 9_999 }),
          },
          { additionalProperties: false },
        ),
        response: problems(404),
      },
    },
    async ({ params }) => {
      const room = deps.cases.roomOf(`${params.family}/${params.version}`);
      if (room === undefined) throw new Problem('not-found');
      return procedureView(room.procedure);
    },
  );
  app.post<{ Body: { procedure: string; input: Record<string, unknown> } }>(
    '/v1/cases',
    {
      onRequest: requires(deps.checkKey, 'cases.open'),
      schema: {
        ...common,
        summary: '立案（如公证申请） / open a case',
        body: Opening,
        response: problems(400, 401, 403, 409, 422, 503),
      },
    },
    async (request, reply) => {
      const { procedure, input } = request.body;
      if (deps.cases.roomOf(procedure) === undefined)
        throw new Problem('request-invalid', { at: 'body.procedure', expected: 'GET /v1/procedures' });
      // What was kept under this key is answered again, whatever has become of the case since.
      const claim = claimOf(request, request.rawBody!);
      let replayed = false;
      const kept = await done(deps, procedure, async (actors) => {
        const opened = await deps.cases.open(procedure, actors, 'open', input, claim);
        if (opened.outcome === 'done') replayed = opened.replayed;
        return opened;
      })(actorsOf(request.caller));
      if (replayed) reply.header('idempotent-replayed', 'true');
      reply.code(201).header('location', `/v1/cases/${kept.record.id}`);
      return answer(deps, request, kept);
    },
  );
  listRoute(app, deps, read);
  app.get<{ Params: { id: string } }>(
    '/v1/cases/:id',
    {
      ...read,
      schema: {
        ...common,
        summary: '案件：状态、期限、可办事项 / a case: state, clocks, what is possible now',
        params: CaseParams,
        response: problems(401, 403, 404),
      },
    },
    async (request) => viewOf(deps, request, await caseFor(deps, request)),
  );
  app.post<{ Params: { id: string; action: string }; Body: Record<string, unknown> }>(
    '/v1/cases/:id/actions/:action',
    {
      onRequest: requires(deps.checkKey, 'cases.act'),
      schema: {
        ...common,
        summary: '办理 / an action of the procedure',
        description:
          '被拒绝时 409 `action-refused`，说明条件、原因和现在可办的事项。 / What is refused is 409 with the guard, the reason and what is possible now.',
        params: ActionParams,
        body: Input,
        response: problems(400, 401, 403, 404, 409, 422, 503),
      },
    },
    async (request) => {
      const stored = await caseFor(deps, request);
      const { action } = request.params;
      if (deps.cases.isInternal(stored.procedure, action)) throw new Problem('not-found');
      const kept = await done(deps, stored.procedure, (actors) =>
        deps.cases.act(stored.id, actors, action, request.body),
      )(actorsOf(request.caller));
      return answer(deps, request, kept);
    },
  );
  app.get<{ Params: { id: string } }>(
    '/v1/cases/:id/head',
    {
      ...read,
      schema: {
        ...common,
        summary: '案件头（kezheng-case-head/1），请妥善保存 / the signed head of the case, to be kept',
        params: CaseParams,
        response: problems(401, 403, 404),
      },
    },
    async (request, reply) => {
      const { id } = await caseFor(deps, request);
      return sendJson(reply, (await deps.cases.head(id))!);
    },
  );
}

export const sendJson = (reply: FastifyReply, bytes: Uint8Array): FastifyReply =>
  reply.type('application/json; charset=utf-8').send(Buffer.from(bytes));

/** As each of what he is in his organization. */
export function actorsOf({ organization, person }: Caller): Actors {
  const base = {
    organization: organization.id,
    organizationRole: organization.role,
    person: person?.id ?? null,
    name: person?.name ?? organization.name,
  };
  const roles: readonly Actor['role'][] = person?.roles ?? ['machine'];
  return roles.map((role) => ({ ...base, role })) as unknown as Actors;
}

/** The case that is asked for, where the caller's organization has a part in it now; another's is no case at all. */
export async function caseFor(
  { store, clock, cases }: Pick<CaseRoutes, 'store' | 'clock' | 'cases'>,
  request: FastifyRequest,
): Promise<StoredCase> {
  const { id } = request.params as { id: string };
  const stored = await store.caseById(id);
  // What no room runs, as a chain of readings, is no case to anybody here.
  if (stored === undefined || cases.roomOf(stored.procedure) === undefined) throw new Problem('not-found');
  const { id: organization } = request.caller.organization;
  const nowMs = clock.nowMs();
  const parties = await store.partiesOf(id);
  const hasPart = parties.some(
    (party) => party.organization === organization && (party.untilMs ?? Number.POSITIVE_INFINITY) > nowMs,
  );
  if (!hasPart) throw new Problem('not-found');
  return stored;
}

const STATUS: Readonly<Record<Refused['code'], 'not-found' | 'action-refused' | 'action-input-invalid'>> = {
  'action-unknown': 'not-found',
  'input-invalid': 'action-input-invalid',
  'state-wrong': 'action-refused',
  'not-yours': 'action-refused',
  guard: 'action-refused',
};

/** What was done; a refusal becomes a problem that says why and what is possible. */
export const done =
  <Done extends { readonly outcome: 'done' } = Kept>(
    deps: Pick<CaseRoutes, 'cases'>,
    procedure: string,
    work: (actors: Actors) => Promise<Done | Refused>,
  ) =>
  async (actors: Actors): Promise<Done> => {
    const outcome = await work(actors).catch((error: unknown) => {
      if (error instanceof CaseBusy) throw new Problem('case-busy', {}, { retryAfterSeconds: 1 });
      if (error instanceof NoSuchCase) throw new Problem('not-found');
      if (error instanceof ClaimReused) throw new Problem('idempotency-key-reused');
      if (error instanceof CaseFull) throw new Problem('case-full');
      if (error instanceof ContentTooLarge) throw new Problem('action-too-large');
      throw error;
    });
    if (outcome.outcome === 'done') return outcome;
    const { procedure: table } = deps.cases.roomOf(procedure)!;
    const told = presentRefusal(table, outcome);
    throw new Problem(
      STATUS[outcome.code],
      {},
      {
        because: { zh: told.zh, en: told.en },
        members: { refusal: { ...told, family: familyOf(table) } },
      },
    );
  };

async function answer(deps: CaseRoutes, request: FastifyRequest, kept: Kept) {
  const stored = await deps.store.caseById(kept.record.id);
  const view = await viewOf(deps, request, stored!);
  return { ...view, head: JSON.parse(Buffer.from(kept.head).toString('utf8')) as unknown };
}

async function viewOf(deps: CaseRoutes, request: FastifyRequest, stored: StoredCase): Promise<CaseView> {
  const actors = actorsOf(request.caller);
  const [possible, parties] = await Promise.all([
    deps.cases.possible(stored, actors),
    deps.store.partiesOf(stored.id),
  ]);
  return caseView(deps.cases.roomOf(stored.procedure)!, stored, actors, possible, parties);
}

const ListQuery = Type.Object(
  {
    procedure: Type.Optional(ProcedureName),
    state: Type.Optional(Word),
    part: Type.Optional(
      Type.String({ pattern: '^[a-z][a-z-]{0,31}$', description: '在案中的身份 / part in the case' }),
    ),
    cursor: Type.Optional(Uuid),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  },
  { additionalProperties: false },
);
interface ListQuery {
  procedure?: string;
  state?: string;
  part?: string;
  cursor?: string;
  limit?: number;
}

function listRoute(app: FastifyInstance, deps: CaseRoutes, read: { onRequest: ReturnType<typeof requires> }) {
  app.get<{ Querystring: ListQuery }>(
    '/v1/cases',
    {
      ...read,
      schema: {
        ...common,
        summary: '本机构参与的案件，新者在前 / cases in which one has a part, newest first',
        querystring: ListQuery,
        response: problems(400, 401, 403),
      },
    },
    async (request) => {
      const { cursor, limit = 50, procedure, state, part } = request.query;
      const page = await deps.store.casesOf(
        request.caller.organization.id,
        { procedure, procedures: deps.cases.procedures, state, part },
        { after: cursor, limit, nowMs: deps.clock.nowMs() },
      );
      const actors = actorsOf(request.caller);
      return {
        items: page.items.map((stored) =>
          caseView(deps.cases.roomOf(stored.procedure)!, stored, actors, undefined, undefined),
        ),
        next: page.next ?? null,
      };
    },
  );
}
