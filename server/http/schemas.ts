import { type Static, type TSchema, Type } from 'typebox';
import { closed, hex, line, lines, words } from '../casework/engine/fields.ts';
import { CATEGORIES, CONFIDENTIALITY } from '../core/entry/manifest.ts';
import { STATEMENT_FORMAT } from '../core/entry/statement.ts';
import { MAX_TREE_SIZE } from '../core/tree/tree.ts';

/*
 * One schema a shape: it validates, gives the type, and stands in /openapi.json. Lengths are characters.
 */

export { closed, line, words } from '../casework/engine/fields.ts';

/** RFC 3339 with any offset; kept in the manifest as the same instant in UTC. */
const DATE_TIME = '^\\d{4}-\\d{2}-\\d{2}[Tt]\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:[Zz]|[+-]\\d{2}:\\d{2})$';
export const dateTime = (description: string) =>
  Type.String({ maxLength: 40, pattern: DATE_TIME, description });

export const Sha256 = hex(32, 'SHA-256，小写十六进制 / lower-case hex');
export const Sm3 = hex(32, 'SM3，小写十六进制 / lower-case hex');
export const Uuid = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'UUIDv7',
});
const size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: '字节 / bytes' });

/** A path is not a name: neither slash, and not the two names that mean a folder. */
export const FILE_NAME = '^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029/\\\\]*$';
const fileName = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: FILE_NAME,
  description: '文件名 / file name',
});
/** RFC 6838 §4.2 */
export const MEDIA_TYPE = '^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$';

const described = {
  title: line(200, '证据名称 / title'),
  description: Type.Optional(lines(4_000, '说明 / description')),
  category: Type.Optional(words(CATEGORIES, '类别 / category')),
  capturedFrom: Type.Optional(dateTime('取证开始 / capture began')),
  capturedTo: Type.Optional(dateTime('取证结束 / capture ended')),
  capturedBy: Type.Optional(line(200, '取证人 / who captured it')),
  confidentiality: Type.Optional(words(CONFIDENTIALITY, '密级 / confidentiality')),
  origin: Type.Optional(
    Type.Object(
      {
        statement: Type.Optional(
          lines(4_000, '上链前来源声明、生成机制 / where it came from and how it was made'),
        ),
        source: Type.Optional(line(2_000, '来源（网址、设备、应用及版本） / address, device or app')),
        method: Type.Optional(line(500, '取证方式 / method')),
        tool: Type.Optional(line(500, '取证工具（名称、版本、摘要） / tool')),
        place: Type.Optional(line(500, '取证地点 / place')),
        environment: Type.Optional(line(1_000, '取证环境 / environment')),
      },
      closed,
    ),
  ),
  right: Type.Optional(
    Type.Object(
      {
        type: line(100, '权利类型 / kind of right'),
        number: Type.Optional(line(200, '证号 / number')),
        holder: Type.Optional(line(200, '权利人 / holder')),
      },
      closed,
    ),
  ),
  accused: Type.Optional(
    Type.Object(
      {
        name: Type.Optional(line(200, '被控主体 / accused party')),
        uscc: Type.Optional(line(50, '统一社会信用代码 / unified social credit code')),
        shop: Type.Optional(line(200, '店铺 / shop')),
        url: Type.Optional(line(2_000, '网址 / address')),
      },
      closed,
    ),
  ),
  corroborations: Type.Optional(
    Type.Array(
      Type.Object(
        { kind: line(100, '种类，如订单号 / kind'), reference: line(500, '编号 / reference') },
        closed,
      ),
      { maxItems: 50, description: '关联印证 / corroborating references' },
    ),
  ),
};

export const DeclaredFile = Type.Object(
  {
    name: fileName,
    size,
    mediaType: Type.Optional(Type.String({ maxLength: 255, pattern: MEDIA_TYPE })),
    sha256: Sha256,
    sm3: Type.Optional(Sm3),
  },
  closed,
);

/** The tree over a folder's files: FORMAT.md §3, kezheng-file/1. */
const DeclaredFolder = Type.Object(
  {
    root: hex(32, '各文件条目（kezheng-file/1）之树的根 / root of the tree over the entries of its files'),
    size: Type.Integer({ minimum: 1, maximum: MAX_TREE_SIZE, description: '文件数 / number of files' }),
  },
  {
    ...closed,
    description: '整个文件夹，代替 files / a whole folder, in place of files (kezheng deposit --folder)',
  },
);

/** FORMAT.md §3: made by the depositor's key, over what the manifest will say. */
const Statement = Type.Object(
  {
    format: words([STATEMENT_FORMAT], '格式 / format'),
    publicKey: Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'SubjectPublicKeyInfo（P-256），base64 / of P-256, base64',
    }),
    signature: Type.String({ minLength: 1, maxLength: 200, description: 'r ‖ s，base64' }),
    signedAt: Type.String({
      maxLength: 24,
      description: '签署时间，YYYY-MM-DDThh:mm:ss.sssZ / when it was signed',
    }),
  },
  { ...closed, description: '存证人自己的签名 / the depositor’s own signature (kezheng sign)' },
);

const hashOnly = {
  ...described,
  files: Type.Optional(
    Type.Array(DeclaredFile, {
      minItems: 1,
      maxItems: 100,
      description: '与 folder 必有其一 / either this or folder',
    }),
  ),
  folder: Type.Optional(DeclaredFolder),
};

/** A line of a bulk call: digests only; files or a folder, and not both. */
export const HashOnlyRecord = Type.Object(hashOnly, closed);

/** `application/json`: the same, which its depositor may have signed. */
export const HashOnlyEvidence = Type.Object({ ...hashOnly, statement: Type.Optional(Statement) }, closed);
export type HashOnlyEvidence = Static<typeof HashOnlyEvidence>;

/** Part `evidence` of a form: digests may be declared, and then the files must have them. */
export const EvidencePart = Type.Object(
  {
    ...described,
    statement: Type.Optional(Statement),
    files: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.Optional(fileName),
            size: Type.Optional(size),
            sha256: Type.Optional(Sha256),
            sm3: Type.Optional(Sm3),
          },
          closed,
        ),
        {
          maxItems: 100,
          description: '按文件顺序声明的摘要，用于核对 / declared digests, in the order of the files',
        },
      ),
    ),
  },
  closed,
);
export type EvidencePart = Static<typeof EvidencePart>;

export const Instant = Type.String({ description: 'ISO 8601，UTC，毫秒 / with milliseconds' });

export const ENTRY_STATES = ['received', 'batched', 'anchoring', 'anchored'] as const;
export const StateWord = words(ENTRY_STATES, '状态 / state');

export const DepositAnswer = Type.Object({
  id: Uuid,
  state: StateWord,
  leafHash: Sha256,
  manifest: Type.Unknown({ description: 'kezheng-manifest/1' }),
});

export const AnchorView = Type.Object({
  chainId: Type.Integer(),
  contract: Type.String(),
  operator: Type.String(),
  index: Type.Integer({ description: '在该日志中的序号 / index in this log' }),
  state: words(['planned', 'mined', 'final'], '上链状态 / state'),
  transactionHash: Type.Union([Type.String(), Type.Null()]),
  blockNumber: Type.Union([Type.Integer(), Type.Null()]),
  blockHash: Type.Union([Type.String(), Type.Null()]),
  blockTime: Type.Union([Instant, Type.Null()]),
  confirmations: Type.Integer(),
  required: Type.Integer(),
  finalAt: Type.Union([Instant, Type.Null()]),
});

export const EvidenceView = Type.Object({
  id: Uuid,
  state: StateWord,
  stateText: Type.Object({ zh: Type.String(), en: Type.String() }),
  receivedAt: Instant,
  leafHash: Sha256,
  manifest: Type.Unknown(),
  files: Type.Array(
    Type.Object({
      name: Type.String(),
      sha256: Sha256,
      fixity: Type.Union([
        Type.Object({
          checkedAt: Instant,
          result: words(['ok', 'missing', 'damaged'], '完好、缺失、损坏 / whole, missing, damaged'),
        }),
        Type.Null(),
      ]),
    }),
    {
      description:
        '已存文件最近一次重新计算摘要的结果；尚未复核或仅存摘要为 null / the last time the stored bytes were hashed again',
    },
  ),
  batch: Type.Union([
    Type.Object({ number: Type.Integer(), index: Type.Integer(), size: Type.Integer(), root: Sha256 }),
    Type.Null(),
  ]),
  anchoring: Type.Union([
    Type.Object({ confirmations: Type.Integer(), required: Type.Integer() }),
    Type.Null(),
  ]),
  anchors: Type.Array(AnchorView),
  expectedAt: Type.Union([Instant, Type.Null()]),
});

export const ProblemView = Type.Object({
  type: Type.String(),
  code: Type.String(),
  status: Type.Integer(),
  title: Type.String(),
  titleEn: Type.String(),
});

/** Answers with these statuses are problems (RFC 9457). */
export const problems = (...statuses: readonly number[]): Record<number, TSchema> =>
  Object.fromEntries(statuses.map((status) => [status, ProblemView]));
