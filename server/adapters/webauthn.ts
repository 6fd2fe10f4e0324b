import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeAttestationObject, decodeClientDataJSON } from '@simplewebauthn/server/helpers';
import type { Passkey } from '../ports/people.ts';
import {
  PasskeyRefused,
  type RegistrationAnswer,
  type SignInAnswer,
  type WebAuthn,
} from '../ports/webauthn.ts';

/*
 * Passkeys of one site: the origin of the public URL exactly, its host as the relying party. The user is verified each
 * time (by finger, face or PIN), so that a passkey is two factors in one.
 */

/** COSE: EdDSA, ES256, and RS256, which Windows Hello has on older machines. */
const ALGORITHMS = [-8, -7, -257];

/** Long enough to look for a security key; the challenge itself ends with its ticket. */
const TIMEOUT_MS = 300_000;

/** `transports` is written by the browser, for our own hints to it later: what it may say is bounded. */
const TRANSPORTS: readonly string[] = ['usb', 'nfc', 'ble', 'smart-card', 'hybrid', 'internal'];

/** `publicUrl` is asked for each time: with port 0 it is known when the service listens. */
export function webAuthnOf(publicUrl: () => string, service: string): WebAuthn {
  const rpId = (): string => new URL(publicUrl()).hostname;
  const site = () => ({
    expectedOrigin: new URL(publicUrl()).origin,
    expectedRPID: rpId(),
    requireUserVerification: true,
  });
  return {
    challengeOf,
    registrationOptions: ({ id, login, name }, known, challenge) =>
      generateRegistrationOptions({
        rpName: service,
        rpID: rpId(),
        userName: login,
        userDisplayName: name,
        userID: handleOf(id),
        challenge: bytesOf(challenge),
        timeout: TIMEOUT_MS,
        attestationType: 'none',
        excludeCredentials: known.map((one) => ({ id: one.id, transports: [...one.transports] })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        supportedAlgorithmIDs: ALGORITHMS,
      }),
    signInOptions: (challenge) =>
      generateAuthenticationOptions({
        rpID: rpId(),
        challenge: bytesOf(challenge),
        timeout: TIMEOUT_MS,
        userVerification: 'required',
      }),

    register: (answer, expectedChallenge) =>
      refusing(async () => {
        refuseFrames(answer);
        refuseStatements(answer);
        const { registrationInfo } = await verifyRegistrationResponse({
          ...site(),
          expectedChallenge,
          supportedAlgorithmIDs: ALGORITHMS,
          response: credentialOf(answer, {
            attestationObject: answer.attestationObject,
            clientDataJSON: answer.clientDataJSON,
          }),
        });
        if (registrationInfo === undefined) throw new PasskeyRefused('the attestation does not hold');
        // What the browser says beside it is no part of what the authenticator made.
        const { id, publicKey, counter } = registrationInfo.credential;
        if (id !== answer.id) throw new PasskeyRefused('the id is not that of the credential');
        const transports = answer.transports.filter((one) => TRANSPORTS.includes(one));
        return { id, publicKey: new Uint8Array(publicKey), counter, transports: [...new Set(transports)] };
      }),

    signIn: (answer, passkey, expectedChallenge) =>
      refusing(async () => {
        refuseFrames(answer);
        // §7.2 step 6: the passkey is the one that was named, and its authenticator holds it for the same person.
        if (answer.id !== passkey.id) throw new PasskeyRefused('another passkey');
        if (answer.userHandle !== base64url(handleOf(passkey.person)))
          throw new PasskeyRefused('the user handle is of somebody else');
        const { id: _, ...response } = answer;
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          ...site(),
          expectedChallenge,
          response: credentialOf(answer, response),
          credential: {
            id: passkey.id,
            publicKey: Uint8Array.from(passkey.publicKey),
            counter: passkey.counter,
          },
        });
        if (!verified) throw new PasskeyRefused('the signature does not hold');
        return authenticationInfo.newCounter;
      }),
  };
}

const credentialOf = <Response extends object>({ id }: { readonly id: string }, response: Response) => ({
  id,
  rawId: id,
  type: 'public-key' as const,
  clientExtensionResults: {},
  response,
});

/** The library throws on everything that it does not like. */
async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PasskeyRefused ? error : new PasskeyRefused((error as Error).message, error);
  }
}

function challengeOf({ clientDataJSON }: Pick<SignInAnswer, 'clientDataJSON'>): string | undefined {
  try {
    const { challenge } = decodeClientDataJSON(clientDataJSON);
    return typeof challenge === 'string' ? challenge : undefined;
  } catch {
    return undefined;
  }
}

/** Nobody is to be led to his passkey inside of a page of somebody else (§13.4.2). */
function refuseFrames({ clientDataJSON }: Pick<SignInAnswer, 'clientDataJSON'>): void {
  if (decodeClientDataJSON(clientDataJSON).crossOrigin === true)
    throw new PasskeyRefused('made inside of a page of another origin');
}

/**
 * None is asked for, so none comes but what authenticators sign with the new key itself (§5.1.3). Certificates are
 * refused before anything looks at them: to check them is to fetch what they name, past the one door out.
 */
function refuseStatements({ attestationObject }: RegistrationAnswer): void {
  const object = decodeAttestationObject(Uint8Array.from(bytesOf(attestationObject)));
  const [format, statement] = [object.get('fmt'), object.get('attStmt')];
  const isOwn = format === 'packed' && statement.get('x5c') === undefined;
  if (format !== 'none' && !isOwn)
    throw new PasskeyRefused(`an attestation that was not asked for: ${format}`);
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'base64url'));
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

const handleOf = (person: Passkey['person']): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(person.replaceAll('-', ''), 'hex'));
