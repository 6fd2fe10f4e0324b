import fc from 'fast-check';
import type { TSchema } from 'typebox';

/*
 * Inputs as a schema allows them, small ones: what a random walk hands to an action whose input it does not know better.
 */

interface Shape {
  readonly type: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
}

/** A schema's shape is read as the JSON Schema that it is. */
export const inputsOf = (schema: TSchema): fc.Arbitrary<unknown> => arbitraryOf(schema as unknown as Shape);

function arbitraryOf(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
  if (shape.type === 'string') return textOf(shape);
  if (shape.type === 'integer')
    return fc.integer({ min: shape.minimum ?? 0, max: Math.min(shape.maximum ?? 1e6, 2e12) });
  if (shape.type === 'boolean') return fc.boolean();
  if (shape.type === 'array')
    return fc.array(arbitraryOf(shape.items!), {
      minLength: shape.minItems ?? 0,
      maxLength: Math.min(shape.maxItems ?? 3, (shape.minItems ?? 0) + 2),
    });
  if (shape.type === 'object') return objectOf(shape);
  throw new Error(`no arbitrary for ${JSON.stringify(shape).slice(0, 80)}`);
}

/** Patterns without a length are of hexadecimal digits, ids and the like; the others only keep control characters out. */
function textOf({ pattern, minLength, maxLength }: Shape): fc.Arbitrary<string> {
  const expression = pattern === undefined ? /^/ : new RegExp(pattern);
  if (maxLength === undefined) return fc.stringMatching(expression);
  return fc
    .string({ unit: 'grapheme', minLength: minLength ?? 0, maxLength: Math.min(maxLength, 12) })
    .filter((text) => expression.test(text) && text.length <= maxLength);
}

const objectOf = ({ properties = {}, required = [] }: Shape): fc.Arbitrary<unknown> =>
  fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, shape]) => [name, arbitraryOf(shape)])),
    {
      requiredKeys: [...required],
      noNullPrototype: true,
    },
  );
