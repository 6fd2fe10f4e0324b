import { type Static, Type } from 'typebox';
import type { RegistrationAnswer, SignInAnswer } from '../ports/webauthn.ts';
import { Password } from './people-schemas.ts';
import { closed, line } from './schemas.ts';

/* What routes about second factors take and give. */

/** Codes of apps have six digits, those on paper sixteen characters; people put spaces and hyphens between. */
export const Code = line(64, '验证码或恢复码 / code');
export const Ticket = Type.String({
  pattern: '^[A-Za-z0-9_-]{43}$',
  description: '登录第一步所得 / from the first step',
});
export const CodeBody = Type.Object({ ticket: Ticket, code: Code }, closed);

const base64url = (bytes: number, description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: Math.ceil((bytes * 4) / 3), description });

/** WebAuthn §4: an id has at most 1,023 bytes. */
export const PasskeyId = base64url(1_023, '通行密钥编号 / credential id');
const clientDataJSON = base64url(4_096, 'clientDataJSON');
const passkeyType = Type.Optional(Type.Literal('public-key'));

/** What browsers give with `toJSON`; what they add to it is passed over, since nothing of it is signed. */
const open = { additionalProperties: true } as const;

export const NewPasskey = Type.Object(
  {
    id: PasskeyId,
    type: passkeyType,
    response: Type.Object(
      {
        clientDataJSON,
        attestationObject: base64url(16_384, 'attestationObject'),
        transports: Type.Optional(Type.Array(line(32, '传输方式 / transport'), { maxItems: 16 })),
      },
      open,
    ),
  },
  { ...open, description: 'PublicKeyCredential.toJSON()' },
);
export const SignedByPasskey = Type.Object(
  {
    id: PasskeyId,
    type: passkeyType,
    response: Type.Object(
      {
        clientDataJSON,
        authenticatorData: base64url(4_096, 'authenticatorData'),
        signature: base64url(1_024, 'signature'),
        userHandle: base64url(64, 'userHandle'),
      },
      open,
    ),
  },
  { ...open, description: 'PublicKeyCredential.toJSON()' },
);

export const registrationOf = ({ id, response }: Static<typeof NewPasskey>): RegistrationAnswer => ({
  id,
  clientDataJSON: response.clientDataJSON,
  attestationObject: response.attestationObject,
  transports: response.transports ?? [],
});
export const signInOf = ({ id, response }: Static<typeof SignedByPasskey>): SignInAnswer => ({
  id,
  clientDataJSON: response.clientDataJSON,
  authenticatorData: response.authenticatorData,
  signature: response.signature,
  userHandle: response.userHandle,
});

/** Exactly one of them. */
export const ProofBody = Type.Object(
  {
    password: Type.Optional(Password),
    totp: Type.Optional(Code),
    recovery: Type.Optional(Code),
    passkey: Type.Optional(SignedByPasskey),
  },
  { ...closed, minProperties: 1, maxProperties: 1, description: '其中一种 / one of them' },
);
export type ProofBody = Static<typeof ProofBody>;

/** PublicKeyCredential…OptionsJSON: what a page hands on to its browser as it is. */
export const Options = Type.Object(
  {},
  { ...open, description: 'PublicKeyCredential.parse…OptionsFromJSON()' },
);
