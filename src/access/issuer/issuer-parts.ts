import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '#foundation/log.ts'
import type { Language } from '../account.ts'
import type { StoreParts } from './store.ts'

/** Where the issuer stands on the installation's one port. */
export const ISSUER_PREFIX = '/oidc'
/** Where people are sent to sign in, and what the cookie of a sign-in under way is for. */
export const SIGN_IN_PATH = '/sign-in'
/** How long an access token is good. */
export const ACCESS_TOKEN_IN_SECONDS = 600

export interface IssuerParts extends StoreParts {
  /** `https://host[:port]` as people and clients reach the installation; also the audience of its tokens. */
  readonly origin: string
  /** Where the console may be sent back to; undefined while there is none. */
  readonly consoleRedirects: readonly string[]
  readonly pages: IssuerPages
  readonly log: Log
}

/** The few pages that the issuer itself must answer, as whole HTML documents. */
export interface IssuerPages {
  /** Asks for the code that a device shows; `wrong` after one that does not fit. */
  deviceCode(page: FormPage & { readonly wrong: boolean }): string
  /** Asks whether the code is the one that the person's own device shows. */
  deviceConfirm(page: FormPage & { readonly code: string; readonly enteredCode: string }): string
  deviceDone(page: { readonly language: Language }): string
  signOut(page: FormPage): string
  signedOut(page: { readonly language: Language }): string
  failed(page: { readonly language: Language; readonly code: string }): string
  /** For `Content-Security-Policy`: what those pages need, and nothing else. */
  readonly policy: string
}

export interface FormPage {
  readonly language: Language
  /** Where the form goes, and the value that shows it is ours. */
  readonly action: string
  readonly xsrf: string
}

/** A sign-in under way at the issuer, which a page of ours is to complete. */
export interface Interaction {
  readonly uid: string
  readonly clientId: string
  /** Which organisation the client asked for, when it said so. */
  readonly organisation: string | undefined
  /** The person must prove anew who they are, even where they are signed in. */
  readonly fresh: boolean
  readonly locales: string | undefined
}

export interface SignedIn {
  readonly tenantId: string
  readonly accountId: string
  /** Milliseconds since 1970: when they proved who they are. */
  readonly authenticatedAt: number
  /** As RFC 8176 names them: `hwk`, `fed`. */
  readonly methods: readonly string[]
}

export interface Issuer {
  readonly prefix: typeof ISSUER_PREFIX
  /** The `iss` of its tokens. */
  readonly issuer: string
  /** The `aud` of its access tokens. */
  readonly audience: string
  /** The raw Node handler of everything below the prefix. */
  readonly callback: (request: IncomingMessage, response: ServerResponse) => void
  /** The sign-in that the request's cookie belongs to; undefined when there is none. */
  interaction(request: IncomingMessage, response: ServerResponse): Promise<Interaction | undefined>
  /** Completes it; answers where the browser goes next. */
  finish(request: IncomingMessage, response: ServerResponse, who: SignedIn): Promise<string>
  /** Ends it without a sign-in; answers where the browser goes next. */
  abort(request: IncomingMessage, response: ServerResponse): Promise<string>
  /** Removes rows that have run out; answers how many. */
  removeExpired(): Promise<number>
}
