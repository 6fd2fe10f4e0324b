import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/** A decimal integer as people write it; what a number would be cut or guessed from stays text and is refused. */
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * Validates by the same compiled schema everywhere. Only paths and queries are text by nature: there, and only where
 * the schema asks for an integer, decimal digits become one.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema);
  const integers = httpPart === 'params' || httpPart === 'querystring' ? integerMembers(schema) : [];
  return (value: unknown) => {
    const given = integers.length === 0 ? value : withIntegers(value as Record<string, unknown>, integers);
    if (compiled.Check(given)) return { value: given };
    return { error: Object.assign(new Error('invalid'), { validation: compiled.Errors(given) }) };
  };
};

const integerMembers = (schema: TSchema): readonly string[] =>
  Object.entries((schema as { properties?: Record<string, { type?: string }> }).properties ?? {}).flatMap(
    ([name, member]) => (member.type === 'integer' ? name : []),
  );

function withIntegers(value: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  const converted = { ...value };
  for (const name of names) {
    const text = converted[name];
    if (typeof text === 'string' && DECIMAL.test(text)) converted[name] = Number(text);
  }
  return converted;
}
