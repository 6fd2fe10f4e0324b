import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { canonicalize, type Json } from '../../core/read/json.ts';
import type { Detail } from './case.ts';

type Check = (value: unknown) => Detail | undefined;

const compiled = new WeakMap<TSchema, Check>();

/** Where an input is not as its schema asks, and what is expected there; undefined where it is. */
export function inputProblem(schema: TSchema, input: unknown): Detail | undefined {
  let check = compiled.get(schema);
  if (check === undefined) compiled.set(schema, (check = checkOf(schema)));
  return check(input);
}

function checkOf(schema: TSchema): Check {
  const validator = Compile(schema);
  return (value) => {
    if (!validator.Check(value)) {
      const error = validator.Errors(value)[0]!;
      return { at: error.instancePath, expected: error.message };
    }
    return canBeWritten(value as Json) ? undefined : { at: '', expected: 'text without lone surrogates' };
  };
}

/** What is done goes into the log as RFC 8785 text, which has no place for half a character. */
function canBeWritten(value: Json): boolean {
  try {
    canonicalize(value);
    return true;
  } catch {
    return false;
  }
}
