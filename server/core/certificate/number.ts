import type { Field } from '../read/fields.ts';
import { pattern } from '../read/fields.ts';
import { FormatError } from '../reason.ts';

/** Year, running number within it (at least eight digits), check digits. */
const NUMBER = /^[0-9]{4}-[0-9]{8,12}-[0-9]{2}$/;

/** ISO/IEC 7064 MOD 97-10: 98 less the rest of the digits with 00 behind them; from 02 to 98. */
const checkOf = (digits: string): string => String(98n - (BigInt(`${digits}00`) % 97n)).padStart(2, '0');

/** `2026-00000001-64`: for people, who mistype; MOD 97-10 finds every wrong digit and every swap of two neighbours. */
export function certificateNumber(year: number, serial: number): string {
  const body = `${String(year).padStart(4, '0')}${String(serial).padStart(8, '0')}`;
  return `${body.slice(0, 4)}-${body.slice(4)}-${checkOf(body)}`;
}

export const certificateNumberField: Field<string> = (value, at) => {
  const number = pattern(NUMBER, 'YYYY-NNNNNNNN-CC')(value, at);
  const digits = number.replaceAll('-', '');
  if (checkOf(digits.slice(0, -2)) !== digits.slice(-2))
    throw new FormatError('certificate-number-check', { number });
  return number;
};
