import type { RouteOptions } from 'fastify';
import { type TSchema, Type } from 'typebox';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Bodies that the route reads and checks by itself, for /openapi.json: Fastify is not to look at them. */
    bodies?: Readonly<Record<string, TSchema>>;
  }
}

/** A part of a form that is a file. */
export const FilePart = Type.Unsafe<unknown>({
  type: 'string',
  contentMediaType: 'application/octet-stream',
});

interface Documented {
  readonly schema: object;
  readonly url: string;
  readonly route: RouteOptions;
}

/** What /openapi.json says of a route beside what Fastify validates. */
export function documented({ schema, url, route }: Documented) {
  const bodies = route.config?.bodies;
  if (bodies === undefined) return { schema, url };
  const { body } = schema as { readonly body?: { readonly content?: object } };
  const content = Object.fromEntries(Object.entries(bodies).map(([type, of]) => [type, { schema: of }]));
  return { schema: { ...schema, body: { content: { ...body?.content, ...content } } }, url };
}
