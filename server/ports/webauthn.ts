import type { Passkey } from './people.ts';

/**
 * Passkeys: what a browser is asked, and what comes back of it (WebAuthn Level 3). The shapes are those of its JSON
 * forms (§5.1.9, §5.1.10); texts are base64url unless they say otherwise.
 */

export interface RegistrationAnswer {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly attestationObject: string;
  readonly transports: readonly string[];
}

export interface SignInAnswer {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  readonly signature: string;
  /** whom the authenticator takes it for; every discoverable credential has one */
  readonly userHandle: string;
}

/** What a passkey is asked to sign; undefined where that cannot be read. */
export type ChallengeOf = (answer: Pick<SignInAnswer, 'clientDataJSON'>) => string | undefined;

export interface PasskeyOwner {
  /** UUID; its bytes are the user handle (§5.4.3): nothing that says who somebody is */
  readonly id: string;
  readonly login: string;
  readonly name: string;
}

export interface WebAuthn {
  readonly challengeOf: ChallengeOf;
  /** PublicKeyCredentialCreationOptionsJSON */
  registrationOptions(owner: PasskeyOwner, known: readonly Passkey[], challenge: string): Promise<object>;
  register(
    answer: RegistrationAnswer,
    challenge: string,
  ): Promise<Pick<Passkey, 'id' | 'publicKey' | 'counter' | 'transports'>>;
  /** PublicKeyCredentialRequestOptionsJSON: whoever has a passkey for this site chooses one */
  signInOptions(challenge: string): Promise<object>;
  /** The counter that it has now. Whether that goes forward the store says, in the same step in which it takes it. */
  signIn(answer: SignInAnswer, passkey: Passkey, challenge: string): Promise<number>;
}

/** An answer does not prove what it should; why is for the log alone. */
export class PasskeyRefused extends Error {
  constructor(why: string, cause?: unknown) {
    super(why, { cause });
    this.name = 'PasskeyRefused';
  }
}
