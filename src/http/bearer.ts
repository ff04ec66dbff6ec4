const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/i

/** The token that an `Authorization` header names as a bearer token; undefined where it names none. */
export function bearerOf(header: string | undefined): string | undefined {
  return BEARER.exec(header ?? '')?.[1]
}
