import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Accesses } from '../casework/access.ts';
import { CaseBusy } from '../casework/cases.ts';
import type { Caller } from '../identity/api-keys.ts';
import { PERMISSIONS } from '../identity/permissions.ts';
import { certificateOf } from '../pipeline/certificate.ts';
import { statusOf } from '../pipeline/status.ts';
import type { StoredEntry } from '../ports/store.ts';
import { requires } from './auth.ts';
import { type EvidenceRoutes, notReady, sendCertificate, viewOf } from './evidence.ts';
import { notAsDocumented, Problem } from './problem.ts';
import { EvidenceView, line, problems, Uuid } from './schemas.ts';
import { sendStoredFile } from './stored-file.ts';

export interface AccessRoutes extends EvidenceRoutes {
  readonly accesses: Accesses;
}

const Reason = line(
  500,
  '理由，也可用请求头 x-kezheng-reason（百分号编码的 UTF-8） / reason, or in a header',
);
const reason = Compile(Reason);
const Query = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });

const ofAnother = { organization: Uuid, id: Uuid };
const Params = Type.Object(ofAnother, { additionalProperties: false });
const FileParams = Type.Object(
  { ...ofAnother, n: Type.Integer({ minimum: 0, maximum: 99 }) },
  { additionalProperties: false },
);
interface Wanted {
  readonly organization: string;
  readonly id: string;
}

/**
 * Reading by the operator's staff of what others deposited. Whatever is answered, a refusal for want of a certificate
 * included, the event of it is durable before; only of what is not there nothing is read, and nothing written down.
 */
export function accessRoutes(app: FastifyInstance, deps: AccessRoutes): void {
  const read = {
    onRequest: requires(deps.checkKey, 'evidence.read-any'),
    // A HEAD would be a reading like any other, and is asked for by nobody.
    exposeHeadRoute: false,
  };
  const common = {
    tags: ['operator'],
    description:
      '须写明理由；先在该证据的记录中留下一条，其所有者可见，然后才应答。 / With a reason; the owner sees each reading, which is on record before it is answered.',
    params: Params,
    querystring: Query,
  };
  app.get<{ Params: Wanted }>(
    '/v1/organizations/:organization/evidence/:id',
    {
      ...read,
      schema: {
        ...common,
        summary: '运营方人员读取他人的存证 / the operator’s staff read another’s deposit',
        response: { 200: EvidenceView, ...problems(400, 401, 403, 404, 503) },
      },
    },
    async (request) => viewOf(await statusOf(deps, await recorded(deps, request, 'evidence'))),
  );
  app.get<{ Params: Wanted & { readonly n: number } }>(
    '/v1/organizations/:organization/evidence/:id/files/:n',
    {
      ...read,
      schema: {
        ...common,
        summary: '运营方人员读取他人的原件 / the operator’s staff read another’s original',
        params: FileParams,
        response: problems(400, 401, 403, 404, 416, 500, 503),
      },
    },
    async (request, reply) => {
      const { n } = request.params;
      return sendStoredFile(deps, request, reply, await recorded(deps, request, `files/${n}`), n);
    },
  );
  app.get<{ Params: Wanted }>(
    '/v1/organizations/:organization/evidence/:id/certificate',
    {
      ...read,
      schema: {
        ...common,
        summary: '运营方人员读取他人的证书 / the operator’s staff read another’s certificate',
        response: problems(400, 401, 403, 404, 409, 503),
      },
    },
    async (request, reply) => sendCertified(deps, await recorded(deps, request, 'certificate'), reply),
  );
}

/** What is asked for, once the event of its reading is durable. */
async function recorded(deps: AccessRoutes, request: FastifyRequest, what: string): Promise<StoredEntry> {
  const given = reasonOf(request);
  const { organization, id } = request.params as Wanted;
  const entry = await deps.store.evidence(organization, id);
  // The service's own entries stand in the same log; they are no evidence of anybody.
  if (entry === undefined || !isDeposit(entry)) throw new Problem('not-found');
  const by = readerOf(request.caller);
  await deps.accesses.record({ evidence: id, owner: organization, by, what, reason: given }).catch(busy);
  return entry;
}

const isDeposit = ({ entry }: StoredEntry): boolean =>
  (JSON.parse(entry) as { readonly format: unknown }).format === 'kezheng-manifest/1';

function busy(error: unknown): never {
  if (error instanceof CaseBusy) throw new Problem('case-busy', {}, { retryAfterSeconds: 1 });
  throw error;
}

function reasonOf({ query, headers }: FastifyRequest): string {
  const inQuery = (query as { readonly reason?: string }).reason;
  const inHeader = headers['x-kezheng-reason'];
  const given = inQuery ?? (typeof inHeader === 'string' ? decoded(inHeader) : undefined);
  if (given === undefined) throw notAsDocumented('query.reason', 'reason');
  if (!reason.Check(given) || given.trim() === '' || !given.isWellFormed())
    throw notAsDocumented(inQuery === undefined ? 'headers.x-kezheng-reason' : 'query.reason', 'reason');
  return given;
}

/** What cannot be decoded says nothing, and is refused as if it were not there. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** As the first of his roles that may read; the table admits no machine. */
function readerOf({ organization, person }: Caller) {
  const may: readonly string[] = PERMISSIONS['evidence.read-any'].people;
  if (person === undefined) throw new Problem('not-allowed');
  const role = person.roles.find((one) => may.includes(one));
  if (role === undefined) throw new Problem('not-allowed');
  return { organization: organization.id, person: person.id, role };
}

async function sendCertified(
  deps: AccessRoutes,
  entry: StoredEntry,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const certificate = await certificateOf(deps.certificates, entry);
  if (certificate === undefined) throw notReady(deps, await statusOf(deps, entry));
  return sendCertificate(reply, entry, certificate);
}
