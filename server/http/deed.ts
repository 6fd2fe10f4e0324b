import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { lines } from '../casework/engine/fields.ts';
import type { Deeds } from '../casework/notarization/deed/deeds.ts';
import type { Signing } from '../casework/notarization/deed/sign.ts';
import { MAX_CHAINS } from '../casework/notarization/office.ts';
import { decodeBase64 } from '../core/read/base64.ts';
import { FormatError } from '../core/reason.ts';
import type { CaseStore, StoredCase } from '../ports/cases.ts';
import { requires } from './auth.ts';
import { reading } from './case-access.ts';
import { actorsOf, type CaseRoutes, caseFor, done } from './cases.ts';
import { notAsDocumented, Problem } from './problem.ts';
import { closed, problems, Uuid } from './schemas.ts';
import { attachment } from './stored-file.ts';

export interface DeedRoutes extends CaseRoutes {
  readonly store: CaseStore;
  readonly deeds: Deeds;
}

const CaseParams = Type.Object({ id: Uuid }, closed);
type OfCase = { Params: { id: string } };

const base64 = (maxLength: number, description: string) =>
  Type.String({ minLength: 4, maxLength, description: `${description} (Base64)` });
const Chain = Type.Integer({
  minimum: 0,
  maximum: MAX_CHAINS - 1,
  description: '本处登记的第几个签名证书链，从 0 起 / which of the office’s chains, from 0',
});

const Prepare = Type.Object(
  {
    chain: Type.Optional(Chain),
    text: Type.Optional(lines(50_000, '更正后的文字 / text of a correction')),
  },
  closed,
);

/** A key file of 128 KiB, a CMS with four certificates: in the letters of Base64. */
const MAX_PKCS12 = 174_768;
const MAX_CMS = 32_768;
const MAX_SIGN_BYTES = 200_000;

const Reason = Type.Optional(lines(2_000, '更正的理由 / reason of a correction'));
const Sign = Type.Union([
  Type.Object(
    {
      pkcs12: base64(
        MAX_PKCS12,
        '加密的 PKCS#12 密钥文件，只用于此次签名 / an encrypted key file, for this once',
      ),
      passphrase: Type.String({ maxLength: 1_000, description: '其口令 / its pass phrase' }),
      reason: Reason,
    },
    closed,
  ),
  Type.Object({ cms: base64(MAX_CMS, '分离式签名 CMS，DER / a detached CMS'), reason: Reason }, closed),
  Type.Object(
    {
      signature: base64(4_096, '对待签属性的签名 / signature over the attributes'),
      chain: Chain,
      reason: Reason,
    },
    closed,
  ),
]);
type Sign = Static<typeof Sign>;

/** From an approved draft to the deed; who may do what of it the table of the procedure says. */
export function deedRoutes(app: FastifyInstance, deps: DeedRoutes): void {
  const schema = { tags: ['deeds'], security: [{ apiKey: [] }, { session: [] }], params: CaseParams };
  const read = { onRequest: requires(deps.checkKey, 'cases.read') };
  const act = { onRequest: requires(deps.checkKey, 'cases.act') };
  app.get<OfCase>(
    '/v1/cases/:id/deed/text',
    {
      ...read,
      schema: {
        ...schema,
        summary: '由案件汇成的公证书文字 / the text of the deed as it is put together from the case',
        response: problems(401, 403, 404, 409),
      },
    },
    async (request) => {
      const stored = await caseAs(deps, request, ['handling-notary']);
      return { text: await deps.deeds.text(stored) };
    },
  );
  app.get<OfCase>(
    '/v1/cases/:id/deed/differences',
    {
      ...read,
      schema: {
        ...schema,
        summary: '草稿与汇成文字的不同之处 / where the draft says otherwise',
        response: problems(401, 403, 404, 409),
      },
    },
    async (request) => {
      const stored = await caseAs(deps, request, ['handling-notary', 'approver']);
      return { items: await deps.deeds.differences(stored) };
    },
  );
  app.post<OfCase & { Body: Static<typeof Prepare> }>(
    '/v1/cases/:id/deed/prepare',
    {
      ...act,
      schema: {
        ...schema,
        summary: '生成待签的公证书 / draw the deed that waits for its signature',
        body: Prepare,
        response: problems(400, 401, 403, 404, 409, 422, 503),
      },
    },
    (request) => prepare(deps, request, request.body),
  );
  app.get<OfCase>(
    '/v1/cases/:id/deed/prepared.pdf',
    {
      ...read,
      schema: {
        ...schema,
        summary: '待签的公证书（PDF） / the deed that waits for its signature',
        response: problems(401, 403, 404, 409),
      },
    },
    async (request, reply) => {
      const { id } = await caseAs(deps, request, ['office-notary']);
      return sendDeed(reply, await deps.deeds.prepared(id), 'prepared');
    },
  );
  app.post<OfCase & { Body: Sign }>(
    '/v1/cases/:id/deed/sign',
    {
      ...act,
      bodyLimit: MAX_SIGN_BYTES,
      schema: {
        ...schema,
        summary: '签名、存证并出具（或更正） / sign, deposit and issue (or correct)',
        description:
          '密钥文件与口令只在本次签名时使用，不保存、不记录。可以重复调用：已签的不再签，已存的不再存。 / Key file and pass phrase are used for this signature and kept nowhere. Safe to call again: nothing is done twice.',
        body: Sign,
        response: problems(400, 401, 403, 404, 409, 413, 422, 503),
      },
    },
    (request) => sign(deps, request, request.body),
  );
  app.get<OfCase>(
    '/v1/cases/:id/deed.pdf',
    {
      ...read,
      // A HEAD would leave the event of a reading.
      exposeHeadRoute: false,
      schema: {
        ...schema,
        summary: '公证书（PDF，公证机构已签名） / the deed, signed by the office',
        response: problems(401, 403, 404, 409),
      },
    },
    async (request, reply) => {
      const found = await deps.deeds.file(await caseFor(deps, request));
      // Before the reading is written down: nothing was read.
      if (found === undefined) throw new Problem('deed-not-issued');
      await reading(deps, request, 'deed');
      return sendDeed(reply, found, 'deed');
    },
  );
}

/** For whoever is one of these in the case; parties and readers see the deed and not how it came about. */
async function caseAs(
  deps: DeedRoutes,
  request: FastifyRequest,
  who: readonly string[],
): Promise<StoredCase> {
  const stored = await caseFor(deps, request);
  const is = deps.deeds.whoIn(stored, actorsOf(request.caller));
  if (!who.some((one) => is.includes(one))) throw new Problem('not-allowed');
  return stored;
}

async function prepare(
  deps: DeedRoutes,
  request: FastifyRequest,
  { chain = 0, text }: Static<typeof Prepare>,
) {
  const stored = await caseFor(deps, request);
  const made = await done(deps, stored.procedure, (actors) =>
    deps.deeds.prepare(stored, actors, { chain, text }),
  )(actorsOf(request.caller));
  return {
    number: made.number,
    digest: made.digest,
    signedAttributes: Buffer.from(made.signedAttributes).toString('base64'),
    byteRange: made.byteRange,
    pdf: `/v1/cases/${stored.id}/deed/prepared.pdf`,
  };
}

/** Key file and pass phrase go with the call: its bytes are overwritten, as far as they are ours. */
async function sign(deps: DeedRoutes, request: FastifyRequest, body: Sign) {
  const by = signingOf(body);
  try {
    return await signAs(deps, request, by, body.reason);
  } finally {
    request.rawBody?.fill(0);
    if ('pkcs12' in by) by.pkcs12.fill(0);
  }
}

async function signAs(deps: DeedRoutes, request: FastifyRequest, by: Signing, reason: string | undefined) {
  const stored = await caseFor(deps, request);
  const made = await done(deps, stored.procedure, (actors) => deps.deeds.sign(stored, actors, by, reason))(
    actorsOf(request.caller),
  );
  const { number, sha256, deposit, signer, stampedMs, events, head } = made;
  return {
    ...{ number, sha256, deposit, signer, events },
    stampedAt: new Date(stampedMs).toISOString(),
    pdf: `/v1/cases/${stored.id}/deed.pdf`,
    head: JSON.parse(Buffer.from(head).toString('utf8')) as unknown,
  };
}

function signingOf(body: Sign): Signing {
  if ('cms' in body) return { cms: bytesIn(body.cms, 'body.cms') };
  if ('signature' in body) return { signature: bytesIn(body.signature, 'body.signature'), chain: body.chain };
  return { pkcs12: bytesIn(body.pkcs12, 'body.pkcs12'), passphrase: body.passphrase };
}

function bytesIn(text: string, at: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    // Without its cause: nothing of what was sent goes on.
    throw notAsDocumented(at, 'base64');
  }
}

function sendDeed(
  reply: FastifyReply,
  found: { readonly number: string; readonly bytes: Uint8Array } | undefined,
  kind: 'deed' | 'prepared',
): FastifyReply {
  if (found === undefined) throw new Problem('deed-not-prepared');
  return reply
    .type('application/pdf')
    .header('content-disposition', attachment(`${kind}-${found.number}.pdf`))
    .header('content-security-policy', "default-src 'none'; sandbox")
    .send(Buffer.from(found.bytes));
}
