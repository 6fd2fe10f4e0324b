import { once } from 'node:events';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import type { Test } from 'tap';
import { type Issued, issue } from '../core/read/openssl.ts';

/* Servers on loopback that live as long as the test that starts them; what they hold open ends with it. */

interface Listening {
  listen(port: number, host: string): unknown;
  address(): unknown;
  on(event: 'connection', listener: (socket: Socket) => void): unknown;
  once(event: 'listening', listener: () => void): unknown;
  close(): unknown;
}

async function listen(t: Test, server: Listening): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server as never, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** The port. */
export const startHttp = (t: Test, listener: RequestListener): Promise<number> =>
  listen(t, createHttp(listener));

/** Whatever it does with a connection, it does by hand. */
export const startTcp = (t: Test, onConnection: (socket: Socket) => void): Promise<number> =>
  listen(t, createTcp(onConnection));

/** `names`: the SNI of each handshake. */
export function startHttps(
  t: Test,
  { certificate, key }: { readonly certificate: string; readonly key: string },
  listener: RequestListener,
  names: string[] = [],
): Promise<number> {
  const server = createHttps({ cert: certificate, key }, listener);
  server.on('secureConnection', (socket) => names.push(String(socket.servername)));
  server.on('tlsClientError', () => {});
  return listen(t, server);
}

export function pem({ der }: Issued): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g)!;
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** A certificate of a web server for these names: `DNS:a.example, IP:1.2.3.4`. */
export function webServer(ca: Issued | undefined, names: string, days?: number) {
  const issued = issue({
    subject: '/CN=web server',
    ...(ca && { by: ca }),
    ...(days !== undefined && { days }),
    extensions: ['basicConstraints=CA:FALSE', `subjectAltName=${names}`],
  });
  return { certificate: pem(issued), key: issued.key };
}
