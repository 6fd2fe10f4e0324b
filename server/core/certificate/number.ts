import type { Field } from '../read/fields.ts';
import { pattern } from '../read/fields.ts';
import { FormatError } from '../reason.ts';

/** Year, running number within it (at least eight digits), check digits. */
const NUMBER = /^[0-9]{4}-[0-9]{8,12}-[0-9]{2}$/;

/** ISO/IEC 7064 MOD 97-10: all digits together leave the rest 1. */
const rest97 = (digits: string): number => Number(BigInt(digits) % 97n);

/** `2026-00000001-64`: for people, who mistype; MOD 97-10 finds every wrong digit and every swap of two neighbours. */
export function certificateNumber(year: number, serial: number): string {
  const body = `${String(year).padStart(4, '0')}${String(serial).padStart(8, '0')}`;
  const check = 98 - rest97(`${body}00`);
  return `${body.slice(0, 4)}-${body.slice(4)}-${String(check).padStart(2, '0')}`;
}

export const certificateNumberField: Field<string> = (value, at) => {
  const number = pattern(NUMBER, 'YYYY-NNNNNNNN-CC')(value, at);
  if (rest97(number.replaceAll('-', '')) !== 1) throw new FormatError('certificate-number-check', { number });
  return number;
};
