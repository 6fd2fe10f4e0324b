import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A way to the server that a test can break, at a moment of its choice. */
export interface Proxy {
  /** The same database, through here. */
  readonly url: string;
  /** While true, nothing goes through in either direction, and nobody is told: as behind a cut cable. */
  isSilent: boolean;
  /** What the client sends goes to the server as this makes it; of the same length. */
  rewrite: ((text: string) => string) | undefined;
  /**
   * Once: what the client sends goes to the server when it holds this text; the server does it and answers, the answer
   * is lost, and the connection ends. Resolves when it has ended.
   */
  loseAnswerTo(text: string): Promise<void>;
}

export async function startProxy(t: Test, target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let wanted: { text: string; done(): void } | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let losing: (() => void) | undefined;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (data) => {
      if (proxy.isSilent) return;
      upstream.write(proxy.rewrite ? Buffer.from(proxy.rewrite(data.toString('latin1')), 'latin1') : data);
      if (wanted === undefined || !data.includes(wanted.text)) return;
      losing = wanted.done;
      wanted = undefined;
    });
    upstream.on('data', (data) => {
      if (proxy.isSilent) return;
      if (losing === undefined) {
        client.write(data);
        return;
      }
      end();
      losing();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  const proxy: Proxy = {
    url: url.href,
    isSilent: false,
    rewrite: undefined,
    loseAnswerTo: (text) =>
      new Promise((done) => {
        wanted = { text, done };
      }),
  };
  return proxy;
}
