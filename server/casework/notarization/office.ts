import { type Static, Type } from 'typebox';
import type { Certificate } from '../../core/read/x509.ts';
import type { SignatureVerifier } from '../../core/verify/signatures.ts';
import { readable } from '../../core/verify/signer.ts';
import { deedNumberTemplate, formatDeedNumber } from '../../documents/deed/number.ts';
import { DeedProblem } from '../../documents/deed/problem.ts';
import { checkRegistration } from '../../documents/deed/seal.ts';
import type { CaseStore } from '../../ports/cases.ts';
import { closed } from '../engine/fields.ts';
import { DEFAULT_RULES, type OfficeRules } from './facts.ts';
import { FeeItems, MAX_DEED_NUMBER } from './inputs.ts';

/*
 * What a notary office sets for its own cases. Each setting is a value of its own; one that was never set has the value
 * that the service has for it, or none.
 */

const MAX_DAYS = 3_650;
const days = (description: string) =>
  Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: MAX_DAYS }), Type.Null()], { description }));

/** Two while one certificate takes over from another, and as many for each of two branches. */
export const MAX_CHAINS = 4;

export const OfficeSettings = Type.Object(
  {
    deedNumber: Type.Optional(
      Type.Object(
        {
          template: Type.String({
            minLength: 1,
            maxLength: 64,
            description: '编号格式，如（{year}）{region}证内字第{serial:6}号 / format of numbers',
          }),
          region: Type.String({ maxLength: 16, description: '{region} 处的文字 / what stands for {region}' }),
        },
        closed,
      ),
    ),
    chains: Type.Optional(
      Type.Array(
        Type.String({
          maxLength: 32_768,
          description: '签名证书链（PEM），签名证书在前 / a chain, the certificate of the key first',
        }),
        { maxItems: MAX_CHAINS },
      ),
    ),
    rules: Type.Optional(
      Type.Object(
        {
          correctionDays: days('补正期限（日） / days for a correction'),
          supplementDays: days('补充材料期限（日） / days for more material'),
          archiveDays: days('归档期限（日） / days until archiving'),
          recheckDays: days('复查期限（日） / days for a re-examination'),
          recheckWithinDays: days('可申请复查的期间（日） / days in which one may be asked for'),
          recheckByAnother: Type.Optional(
            Type.Boolean({ description: '承办人不得复查 / whether another re-examines' }),
          ),
        },
        closed,
      ),
    ),
    feeItems: Type.Optional(FeeItems.properties.items),
  },
  closed,
);
export type OfficeSettings = Static<typeof OfficeSettings>;

export interface Office {
  readonly deedNumber: NonNullable<OfficeSettings['deedNumber']> | null;
  /** PEM */
  readonly chains: readonly string[];
  readonly rules: OfficeRules;
  readonly feeItems: NonNullable<OfficeSettings['feeItems']>;
}

type Settings = Pick<CaseStore, 'officeSettings' | 'setOfficeSetting'>;

export async function officeOf(store: Pick<Settings, 'officeSettings'>, id: string): Promise<Office> {
  const stored = await store.officeSettings(id);
  const value = <Name extends keyof Office>(name: Name): Office[Name] | undefined =>
    stored[name] === undefined ? undefined : (JSON.parse(stored[name]) as Office[Name]);
  return {
    deedNumber: value('deedNumber') ?? null,
    chains: value('chains') ?? [],
    rules: { ...DEFAULT_RULES, ...value('rules') },
    feeItems: value('feeItems') ?? [],
  };
}

/** The settings that are named; the others stay. Throws DeedProblem, and then nothing is set. */
export async function setOffice(
  store: Settings,
  id: string,
  { deedNumber, chains, rules, feeItems }: OfficeSettings,
  now: { readonly nowMs: number; readonly verifier: SignatureVerifier },
): Promise<void> {
  if (deedNumber !== undefined) refuseLong(deedNumber);
  const registered = chains?.map(certificatesIn);
  for (const chain of registered ?? []) await checkRegistration(chain, now);
  const known = rules && (await officeOf(store, id)).rules;
  const values = {
    deedNumber,
    // Written anew: what else stood in the file, a private key among it, is kept nowhere.
    chains: registered?.map((chain) => chain.map(pemOf).join('')),
    rules: rules && { ...known, ...rules },
    feeItems,
  };
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) await store.setOfficeSetting(id, name, JSON.stringify(value));
}

/** The longest number of this format: an action has to take it. */
function refuseLong({ template, region }: NonNullable<OfficeSettings['deedNumber']>): void {
  const read = deedNumberTemplate(template, region);
  const longest = formatDeedNumber(read, { year: 9_999, serial: 999_999_999 });
  if (longest.length > MAX_DEED_NUMBER) throw new DeedProblem('deed-number-template', { at: 'length' });
}

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** DER; whether they are certificates is asked when they are registered. */
export const certificatesIn = (pem: string): readonly Uint8Array[] =>
  [...pem.matchAll(PEM)].map(([, base64]) => new Uint8Array(Buffer.from(base64!, 'base64')));

const pemOf = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

/** Whose keys sign for the office, and until when; for people. */
export const signersIn = ({ chains }: Pick<Office, 'chains'>) =>
  chains.map((pem) => {
    const own = certificatesIn(pem)[0];
    const certificate: Certificate | undefined = own && readable(own);
    return certificate === undefined
      ? null
      : {
          subject: certificate.subject.name,
          issuer: certificate.issuer.name,
          notBefore: new Date(certificate.notBeforeMs).toISOString(),
          notAfter: new Date(certificate.notAfterMs).toISOString(),
        };
  });
