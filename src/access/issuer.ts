export { createIssuer } from './issuer/create-issuer.ts'
export { CLI_CLIENT, CONSOLE_CLIENT } from './issuer/clients.ts'
export {
  ACCESS_TOKEN_IN_SECONDS,
  type FormPage,
  ISSUER_PREFIX,
  type Interaction,
  type Issuer,
  type IssuerPages,
  type IssuerParts,
  SIGN_IN_PATH,
  type SignedIn,
} from './issuer/issuer-parts.ts'
