/** What became of one attempt. Carries a code, never what the other side said: that may quote an address. */
export type SendOutcome =
  /** The other side has taken it over. */
  | { readonly outcome: 'sent'; readonly code: string }
  /** Certainly not taken over: to be tried again. */
  | { readonly outcome: 'again'; readonly code: string }
  /** Refused for good. */
  | { readonly outcome: 'failed'; readonly code: string }
  /** It left, and nobody saw what became of it. */
  | { readonly outcome: 'unknown'; readonly code: string }
