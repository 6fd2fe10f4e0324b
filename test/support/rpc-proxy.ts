import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

/*
 * A node between us and a real one, which changes, delays, drops or falsifies answers. It forwards what it is not told
 * about: so a test lies about one thing, and everything else is what a real node said.
 */

type Forward = () => Promise<unknown>;
/** Returns the result, throws an RpcFault for an error of JSON-RPC, or returns DROP or RAW. */
export type Handler = (params: readonly unknown[], forward: Forward) => unknown;

/** Ends the connection without an answer. */
export const DROP = Symbol('drop');

/** An answer that is not what JSON-RPC asks for: sent as it is. */
export class Raw {
  readonly body: string;
  readonly status: number;
  constructor(body: string, status = 200) {
    this.body = body;
    this.status = status;
  }
}

export class RpcFault extends Error {
  readonly fault: unknown;
  constructor(fault: unknown) {
    super('fault');
    this.fault = fault;
  }
}

export const fault = (message: string): Handler => {
  return () => {
    throw new RpcFault({ code: -32000, message });
  };
};

export interface RpcProxy {
  readonly url: string;
  /** The node behind it; another one from the next request on where it is set. */
  target: string;
  /** Names of the methods that were asked for, in order. */
  readonly calls: string[];
  on(method: string, handler: Handler): void;
  off(method: string): void;
  /** While away, connections are closed without an answer. */
  away: boolean;
}

export async function rpcProxy(t: Test, target: string): Promise<RpcProxy> {
  const handlers = new Map<string, Handler>();
  const proxy = { url: '', target, calls: [] as string[], away: false };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (proxy.away) return void request.socket.destroy();
    const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: unknown[] };
    proxy.calls.push(method);
    const forward = () => rpc(proxy.target, method, ...params);
    try {
      const handler = handlers.get(method) ?? ((_params, next) => next());
      const result = await handler(params, forward);
      if (result === DROP) request.socket.destroy();
      else if (result instanceof Raw) send(response, result.status, result.body);
      else send(response, 200, JSON.stringify({ jsonrpc: '2.0', id, result }));
    } catch (error) {
      const said = error instanceof RpcFault ? error.fault : { code: -32603, message: String(error) };
      // Some nodes answer errors with status 400.
      send(response, 400, JSON.stringify({ jsonrpc: '2.0', id, error: said }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(proxy, {
    on: (method: string, handler: Handler) => void handlers.set(method, handler),
    off: (method: string) => void handlers.delete(method),
  });
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

/** A request to a node as a test makes it; an error of the node is thrown as it came. */
export async function rpc<T = unknown>(
  url: string,
  method: string,
  ...params: readonly unknown[]
): Promise<T> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body });
  const answer = (await response.json()) as { result: T; error?: unknown };
  if (answer.error !== undefined) throw new RpcFault(answer.error);
  return answer.result;
}
