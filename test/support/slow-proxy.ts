import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';

/*
 * A line between us and a server of any protocol, which delays, throttles, falls silent, cuts, answers by itself or is
 * away. What it is not told about passes as it came.
 */

export interface Cut {
  /** `up`: bytes on their way to the server; `down`: bytes on their way to us */
  readonly way: 'up' | 'down';
  /** of one connection; what comes after them is lost together with it */
  readonly afterBytes: number;
}

export interface SlowProxy {
  readonly port: number;
  /** The server behind it; another one from the next connection on where it is set. */
  target: Target;
  /** How long each piece is on its way, either way. */
  delayMs: number;
  /** Of one connection, each way; 0: as fast as it goes. */
  bytesPerSecond: number;
  /** Connections are accepted and nothing comes through any more; what is silent stays so until it is cut. */
  silent: boolean;
  /** Said to whoever says something on a new connection, which is closed then; the server hears nothing of it. */
  answer: string | Uint8Array | undefined;
  /** Each is used up by the first connection that gets so far. */
  readonly cuts: Cut[];
  /** Connections so far. */
  readonly connections: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Bytes carried so far. */
  readonly carried: { up: number; down: number };
  /** Cuts all connections that there are. */
  cutAll(): void;
  /** Nothing listens here any more: connections are refused. */
  away(): Promise<void>;
  /** On the same port again. */
  back(): Promise<void>;
}

export interface Target {
  readonly host?: string;
  readonly port: number;
}

export async function slowProxy(t: Test, target: Target): Promise<SlowProxy> {
  const open = new Set<Socket>();
  const state = { delayMs: 0, bytesPerSecond: 0, silent: false, answer: undefined, connections: 0 };
  const cutAll = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  let server: Server | undefined;
  let port = 0;

  async function listen(): Promise<void> {
    server = createServer((client) => {
      proxy.connections++;
      track(client, open);
      if (proxy.answer === undefined) join(client, proxy, open);
      else answerItself(client, proxy.answer);
    });
    await once(server.listen(port, '127.0.0.1'), 'listening');
    port = (server.address() as { port: number }).port;
  }

  async function away(): Promise<void> {
    const closed = server?.listening ? once(server.close(), 'close') : undefined;
    cutAll();
    await closed;
  }

  const proxy = { ...(state as Changeable), target, cuts: [], carried: { up: 0, down: 0 }, cutAll, away };
  await listen();
  t.teardown(away);
  const count = { get: () => open.size / 2 };
  return Object.defineProperty(Object.assign(proxy, { port, open: 0, back: listen }), 'open', count);
}

type Changeable = Pick<SlowProxy, 'delayMs' | 'bytesPerSecond' | 'silent' | 'answer'> & {
  connections: number;
};
type Line = Pick<SlowProxy, 'target' | 'delayMs' | 'bytesPerSecond' | 'silent' | 'cuts' | 'carried'>;

function track(socket: Socket, open: Set<Socket>): void {
  open.add(socket);
  socket.on('error', () => {}).on('close', () => open.delete(socket));
}

function answerItself(client: Socket, answer: string | Uint8Array): void {
  client.once('data', () => client.end(answer));
}

function join(client: Socket, proxy: Line, open: Set<Socket>): void {
  const server = dial(proxy.target.port, proxy.target.host ?? '127.0.0.1');
  track(server, open);
  // What ends in good order is passed on in order, behind the bytes that are still on their way.
  client.on('close', (isBroken) => isBroken && server.destroy());
  server.on('close', (isBroken) => isBroken && client.destroy());
  carry('up', client, server, proxy);
  carry('down', server, client, proxy);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Reads no faster than it passes on: whoever sends feels how slow the line is. */
async function carry(way: Cut['way'], from: Socket, to: Socket, proxy: Line): Promise<void> {
  let carried = 0;
  try {
    for await (const piece of from as AsyncIterable<Buffer>) {
      // For good: bytes that were held back would come out of order.
      if (proxy.silent) await new Promise(() => {});
      const takes = proxy.bytesPerSecond > 0 ? (piece.length / proxy.bytesPerSecond) * 1000 : 0;
      if (proxy.delayMs + takes > 0) await sleep(proxy.delayMs + takes);
      const cut = proxy.cuts.findIndex((one) => one.way === way && one.afterBytes < carried + piece.length);
      if (cut >= 0) {
        const [{ afterBytes }] = proxy.cuts.splice(cut, 1) as [Cut];
        to.write(piece.subarray(0, Math.max(0, afterBytes - carried)));
        await sleep(5);
        for (const socket of [from, to]) socket.resetAndDestroy();
        return;
      }
      carried += piece.length;
      proxy.carried[way] += piece.length;
      if (to.destroyed) return void from.destroy();
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
    to.end();
  } catch {
    // One side hung up; the other is told by its own close.
  }
}
