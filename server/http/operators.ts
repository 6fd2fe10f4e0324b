import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/**
 * Who may see how the service is from inside. With a token configured: whoever has it, from anywhere. Without: callers
 * on this machine, and not those whom a balancer on this machine passes on.
 */
export const isForOperators = (request: FastifyRequest, token: string | undefined): boolean =>
  token === undefined ? isLocal(request) : hasToken(request, token);

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
const PASSED_ON = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'];

const isLocal = ({ raw }: FastifyRequest): boolean =>
  LOOPBACK.test(raw.socket.remoteAddress ?? '') && !PASSED_ON.some((name) => name in raw.headers);

function hasToken({ headers: { authorization } }: FastifyRequest, token: string): boolean {
  const given = Buffer.from(authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
