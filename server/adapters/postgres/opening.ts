import { StoreUnavailable } from '../../ports/store.ts';
import type { SessionOptions } from './session.ts';

/* Why a database cannot be used at the start, for whoever set it up: which setting, where it leads, what to look at. */

type Both = readonly [zh: string, en: string];

/** By SQLSTATE, or by the code of the operating system. */
const WHY: Readonly<Record<string, Both>> = {
  ECONNREFUSED: ['那里没有服务在监听', 'nothing listens there'],
  ENOTFOUND: ['没有这个主机名', 'there is no host of this name'],
  EAI_AGAIN: ['主机名暂时无法解析', 'the name of the host cannot be looked up now'],
  ENOENT: ['没有所指的文件或套接字', 'a file or socket that it names is not there'],
  '28P01': ['用户名或口令不对', 'the user or the password is wrong'],
  '28000': ['该用户不得连接', 'the user may not connect'],
  '3D000': ['没有这个数据库，请先建立', 'there is no such database: create it first'],
  '42501': ['该用户权限不足', 'the user has not the rights that are needed'],
  '53300': ['连接数已满', 'the server has all the connections that it takes'],
  '57P03': ['数据库正在启动', 'the server is starting'],
};

const OTHERWISE: Both = ['不可用', 'cannot be used'];

/** What the driver says stands at the end; it never holds a password, and neither does anything before it. */
export function cannotOpen(
  error: unknown,
  { url, setting = 'KEZHENG_DATABASE_URL' }: SessionOptions,
): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  const [zh, en] = WHY[codeOf(error.cause)] ?? OTHERWISE;
  const place = placeOf(url);
  return new StoreUnavailable(
    `${setting}：${place} ${zh} / ${setting}: ${place} ${en} (${error.message})`,
    error.cause,
  );
}

/** A name with several addresses has an error for each. */
function codeOf(cause: unknown): string {
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  return String((first as { code?: unknown } | undefined)?.code ?? '');
}

/** Host, port and name of the database. */
function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
