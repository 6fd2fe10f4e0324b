/** Where the blobs are, as one address says it; credentials never stand in it. */
export interface S3Address {
  readonly bucket: string;
  /** empty, or ends with a slash */
  readonly prefix: string;
  /** undefined: AWS */
  readonly endpoint: string | undefined;
  /** undefined: what the environment says (AWS_REGION, a profile) */
  readonly region: string | undefined;
  readonly pathStyle: boolean;
  /** undefined: what the bucket does by itself */
  readonly sse: Sse | undefined;
  readonly kmsKeyId: string | undefined;
}

export type Sse = (typeof SSE)[number];
const SSE = ['AES256', 'aws:kms'] as const;

/** An address that cannot be used. Says what is wrong and never repeats the address: somebody may have put a key in it. */
export class BadS3Address extends Error {
  readonly zh: string;
  readonly en: string;
  constructor(zh: string, en: string) {
    super(`${zh} / ${en}`);
    this.name = 'BadS3Address';
    this.zh = zh;
    this.en = en;
  }
}

const PARAMETERS = ['endpoint', 'region', 'pathStyle', 'sse', 'kmsKeyId'] as const;
type Parameter = (typeof PARAMETERS)[number];

/** The rules of AWS for new buckets, which every other store follows. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Characters that no store, proxy or signature treats in a way of its own. */
const PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** A key has 1,024 bytes at most, and a name needs 73 of them. */
const MAX_PREFIX = 900;

/** What a server takes for granted where nobody names a region. */
const ANY_REGION = 'us-east-1';

/** `s3://bucket[/prefix]?endpoint=…&region=…&pathStyle=true|false&sse=AES256|aws:kms&kmsKeyId=…` */
export function parseS3Address(address: string): S3Address {
  if (!URL.canParse(address) || !address.startsWith('s3://'))
    throw new BadS3Address('应为 s3://存储桶 地址', 'is not an address like s3://bucket');
  const url = new URL(address);
  if (url.username !== '' || url.password !== '')
    throw new BadS3Address(
      '地址中不能带密钥；密钥用环境变量 AWS_ACCESS_KEY_ID 与 AWS_SECRET_ACCESS_KEY 给出',
      'has a key in it: keys belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    );
  if (url.port !== '' || url.hash !== '')
    throw new BadS3Address('存储桶之后不能有端口或 #', 'has a port or a # after the bucket');
  const read = parametersOf(url.searchParams);
  const endpoint = endpointOf(read('endpoint'));
  const sse = wordOf('sse', read('sse'), SSE);
  return {
    bucket: bucketOf(url.hostname),
    prefix: prefixOf(url.pathname),
    endpoint,
    region: regionOf(read('region')) ?? (endpoint === undefined ? undefined : ANY_REGION),
    // A server of one's own seldom has a name for each bucket; AWS wants one.
    pathStyle:
      (wordOf('pathStyle', read('pathStyle'), ['true', 'false']) ?? String(endpoint !== undefined)) ===
      'true',
    sse,
    kmsKeyId: kmsKeyOf(read('kmsKeyId'), sse),
  };
}

function parametersOf(given: URLSearchParams): (name: Parameter) => string | undefined {
  for (const name of new Set(given.keys())) {
    if (!(PARAMETERS as readonly string[]).includes(name))
      throw new BadS3Address(
        `不认识的参数；可用的有 ${PARAMETERS.join('、')}`,
        `has a parameter that is none of ${PARAMETERS.join(', ')}`,
      );
    if (given.getAll(name).length > 1)
      throw new BadS3Address(`参数 ${name} 重复`, `has the parameter ${name} twice`);
    if (given.get(name) === '') throw new BadS3Address(`参数 ${name} 为空`, `has an empty parameter ${name}`);
  }
  return (name) => given.get(name) ?? undefined;
}

function bucketOf(host: string): string {
  if (!BUCKET.test(host))
    throw new BadS3Address(
      '存储桶名应为 3 至 63 个小写字母、数字、点或连字符',
      'has a bucket name that is not 3 to 63 lower-case letters, digits, dots or hyphens',
    );
  return host;
}

function prefixOf(path: string): string {
  const prefix = path.replace(/^\/|\/$/g, '');
  if (prefix === '') return '';
  if (!PREFIX.test(prefix) || prefix.length > MAX_PREFIX)
    throw new BadS3Address(
      `前缀只能用字母、数字与 . _ -，以 / 分段，至多 ${MAX_PREFIX} 个字符`,
      `has a prefix that is not of letters, digits and . _ - between slashes, ${MAX_PREFIX} at most`,
    );
  return `${prefix}/`;
}

function endpointOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol))
    throw new BadS3Address(
      'endpoint 应为 http 或 https 地址',
      'has an endpoint that is no http or https address',
    );
  const { username, password, search, hash } = new URL(given);
  if (`${username}${password}${search}${hash}` !== '')
    throw new BadS3Address(
      'endpoint 只能是服务器地址，不能带密钥或参数',
      'has an endpoint with a key or parameters in it',
    );
  return given.replace(/\/+$/, '');
}

function regionOf(given: string | undefined): string | undefined {
  if (given !== undefined && !/^[a-z0-9-]{1,63}$/.test(given))
    throw new BadS3Address(
      'region 只能用小写字母、数字与连字符',
      'has a region that is not lower-case letters, digits and hyphens',
    );
  return given;
}

function kmsKeyOf(given: string | undefined, sse: Sse | undefined): string | undefined {
  if (given !== undefined && sse !== 'aws:kms')
    throw new BadS3Address('kmsKeyId 须与 sse=aws:kms 同用', 'has a kmsKeyId without sse=aws:kms');
  if (given !== undefined && !/^[A-Za-z0-9:/_-]{1,2048}$/.test(given))
    throw new BadS3Address(
      'kmsKeyId 应为密钥标识、别名或 ARN',
      'has a kmsKeyId that is no key id, alias or ARN',
    );
  return given;
}

function wordOf<Word extends string>(
  name: Parameter,
  given: string | undefined,
  words: readonly Word[],
): Word | undefined {
  const word = words.find((one) => one === given);
  if (given !== undefined && word === undefined)
    throw new BadS3Address(
      `参数 ${name} 应为 ${words.join('、')} 之一`,
      `has a parameter ${name} that is none of ${words.join(', ')}`,
    );
  return word;
}
