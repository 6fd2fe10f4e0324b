import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Manifest } from '../core/entry/manifest.ts';
import { toHex } from '../core/read/bytes.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { type CertificateDeps, certificateOf } from '../pipeline/certificate.ts';
import { type EvidenceStatus, evidenceStatus, type StatusDeps } from '../pipeline/status.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { EvidenceFilter, StoredCertificate, StoredEntry } from '../ports/store.ts';
import { type CheckKey, requires } from './auth.ts';
import { Problem } from './problem.ts';
import { dateTime, EvidenceView, problems, Sha256, StateWord, Uuid } from './schemas.ts';
import { attachment, sendStoredFile } from './stored-file.ts';
import { toInstant } from './text.ts';

export interface EvidenceRoutes extends StatusDeps {
  readonly store: StatusDeps['store'] & CertificateDeps['store'];
  readonly chainOf: CertificateDeps['chainOf'];
  readonly certificates: CertificateDeps;
  readonly blobs: Blobs;
  readonly checkKey: CheckKey;
}

export const IdParams = Type.Object({ id: Uuid }, { additionalProperties: false });
export type WithId = { Params: { id: string } };

/** Reading what one's own organization deposited. Another's and one that never was are the same 404. */
export function evidenceRoutes(app: FastifyInstance, deps: EvidenceRoutes): void {
  const read = { onRequest: requires(deps.checkKey, 'evidence.read') };
  const common = { tags: ['evidence'], security: [{ apiKey: [] }, { session: [] }] };
  listRoute(app, deps, read, common);
  app.get<WithId>(
    '/v1/evidence/:id',
    {
      ...read,
      schema: {
        ...common,
        summary: '一项存证的状态 / state of one deposit',
        params: IdParams,
        response: { 200: EvidenceView, ...problems(401, 403, 404) },
      },
    },
    async (request) => viewOf(await statusFor(deps, request)),
  );
  app.route<{ Params: { id: string; n: number } }>({
    // HEAD has an answer of its own: the automatic one would read the whole file for nothing.
    method: ['GET', 'HEAD'],
    url: '/v1/evidence/:id/files/:n',
    ...read,
    schema: {
      ...common,
      summary: '原件（支持分段） / an original, ranges supported',
      description:
        '只存摘要的文件为 404 `file-not-stored`；曾经保存而现已缺失、损坏的为 500 `stored-file-missing`、`stored-file-damaged`，损坏的内容不发出。 / A file of which only digests were deposited is 404; one that was stored and is missing or damaged now is 500, and damaged bytes are not sent.',
      params: Type.Object(
        { id: Uuid, n: Type.Integer({ minimum: 0, maximum: 99 }) },
        { additionalProperties: false },
      ),
      response: problems(401, 403, 404, 416, 500),
    },
    handler: async (request, reply) =>
      sendStoredFile(deps, request, reply, await entryFor(deps, request), request.params.n),
  });
  app.get<WithId>(
    '/v1/evidence/:id/certificate',
    {
      ...read,
      schema: {
        ...common,
        summary: '存证证书 / the certificate (kezheng-certificate/1)',
        params: IdParams,
        response: problems(401, 403, 404, 409),
      },
    },
    async (request, reply) => {
      const { entry, certificate } = await certifiedFor(deps, request);
      return sendCertificate(reply, entry, certificate);
    },
  );
}

export const viewOf = (status: EvidenceStatus) => ({
  ...status,
  stateText: bothLanguages('state', status.state),
});

export async function entryFor(
  deps: { readonly store: Pick<EvidenceRoutes['store'], 'evidence'> },
  request: FastifyRequest,
): Promise<StoredEntry> {
  const { id } = request.params as { id: string };
  const entry = await deps.store.evidence(request.caller.organization.id, id);
  if (entry === undefined) throw new Problem('not-found');
  return entry;
}

export async function statusFor(deps: StatusDeps, request: FastifyRequest): Promise<EvidenceStatus> {
  const { id } = request.params as { id: string };
  const status = await evidenceStatus(deps, request.caller.organization.id, id);
  if (status === undefined) throw new Problem('not-found');
  return status;
}

const ListQuery = Type.Object(
  {
    state: Type.Optional(StateWord),
    from: Type.Optional(dateTime('收到时间起（含），RFC 3339')),
    to: Type.Optional(dateTime('收到时间止（不含），RFC 3339')),
    sha256: Type.Optional(Sha256),
    text: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: '清单文字中的子串 / substring' }),
    ),
    cursor: Type.Optional(Uuid),
    // An entry with a hundred files is a large one, and all of a page are parsed at once.
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  },
  { additionalProperties: false },
);
interface ListQuery {
  state?: EvidenceFilter['state'];
  from?: string;
  to?: string;
  sha256?: string;
  text?: string;
  cursor?: string;
  limit?: number;
}

function listRoute(
  app: FastifyInstance,
  deps: EvidenceRoutes,
  read: { onRequest: ReturnType<typeof requires> },
  common: object,
): void {
  app.get<{ Querystring: ListQuery }>(
    '/v1/evidence',
    {
      ...read,
      schema: {
        ...common,
        summary: '本机构的存证，新者在前 / own deposits, newest first',
        description:
          '一页可能不满；`next` 不为空即可继续。 / A page may be short: go on while `next` is not null.',
        querystring: ListQuery,
        response: problems(400, 401, 403),
      },
    },
    async (request) => {
      const { state, sha256, text, cursor, limit } = request.query;
      const filter: EvidenceFilter = {
        ...(state && { state }),
        ...(sha256 && { sha256 }),
        ...(text && { text }),
        ...bound('fromMs', request.query.from, 'query.from'),
        ...bound('toMs', request.query.to, 'query.to'),
      };
      const page = await deps.store.listEvidence(request.caller.organization.id, filter, {
        ...(cursor && { after: cursor }),
        limit: limit ?? 50,
      });
      return { items: page.items.map(listItem), next: page.next ?? null };
    },
  );
}

const bound = (name: 'fromMs' | 'toMs', text: string | undefined, at: string) =>
  text === undefined ? {} : { [name]: Date.parse(toInstant(text, at)) };

const listItem = (item: StoredEntry & { readonly state: NonNullable<EvidenceFilter['state']> }) => {
  const manifest = JSON.parse(item.entry) as Manifest;
  return {
    id: item.id,
    state: item.state,
    stateText: bothLanguages('state', item.state),
    receivedAt: new Date(item.receivedMs).toISOString(),
    title: manifest.evidence.title,
    category: manifest.evidence.category,
    leafHash: toHex(item.leaf),
    folder: manifest.folder,
    files: manifest.files.map(({ name, size, sha256, sm3, digests }) => ({
      name,
      size,
      sha256,
      sm3,
      digests,
    })),
  };
};

/** The entry that is asked for and its newest certificate; a problem where there is none yet. */
export async function certifiedFor(
  deps: StatusDeps & Pick<EvidenceRoutes, 'certificates'>,
  request: FastifyRequest,
): Promise<{ readonly entry: StoredEntry; readonly certificate: StoredCertificate }> {
  const entry = await entryFor(deps, request);
  const certificate = await certificateOf(deps.certificates, entry);
  if (certificate === undefined) throw notReady(deps, await statusFor(deps, request));
  return { entry, certificate };
}

export const sendCertificate = (
  reply: FastifyReply,
  { id }: StoredEntry,
  { bytes }: StoredCertificate,
): FastifyReply =>
  reply
    .type('application/json; charset=utf-8')
    .header('content-disposition', attachment(`${id}.certificate.json`))
    .send(Buffer.from(bytes));

export function notReady(deps: Pick<EvidenceRoutes, 'clock'>, status: EvidenceStatus): Problem {
  const expectedAt = status.expectedAt ?? new Date(deps.clock.nowMs() + 1_000).toISOString();
  const seconds = Math.max(1, Math.ceil((Date.parse(expectedAt) - deps.clock.nowMs()) / 1_000));
  return new Problem(
    'certificate-not-ready',
    {},
    { members: { state: status.state, expectedAt }, retryAfterSeconds: seconds },
  );
}
