/**
 * Which texts of diagnostics may stand as they are: versions, language tags, dates, error codes, and words of the
 * product and its platforms. All else may be a name that somebody at the customer gave, and is kept in keyed form.
 */

const LONGEST = 120
const VERSION = /^v?\d{1,6}(?:\.\d{1,6}){0,4}$/
const LANGUAGE = /^[a-z]{2}(?:-[A-Z]{2})?$/
const DATE = /^\d{4}-\d{2}(?:-\d{2})?(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z?)?$/
const ERROR = /^0x[0-9A-Fa-f]{4,8}$/
const AMOUNT = /^\d{1,6}(?:\.\d{1,3})?(?:%|KB|MB|GB|TB|GHz|MHz|ms|s|min|h|d)?$/
/** More digits than this, spread over a text, may be a telephone or personal number. */
const MOST_DIGITS = 6
const MODEL = /^(?:i[3579]|E[357]|W|m[357])-\d{4,5}[A-Z]{0,3}\d?$/

const WORDS: ReadonlySet<string> = new Set(
  `active advanced all always amd and android antimalware app application applications apps arm arm64 auto automatic
  availability available azure baseline basic bitlocker boot branch broadcom build bulk central child chrome chromium
  client clients cloud cluster co-management collection compliant configured console core count cpu crash current
  daily days default defender deployment desktop device devices disabled disk distribution domain edge edition enabled
  endpoint enhanced enrolled enrollment enterprise epyc error evaluation express failed firefox fallback firewall full
  gateway group healthy high hours hybrid hyper-v inactive inline install installed intel internet intune ios ipados
  join joined language late linux list low ltsb ltsc mac macos manage management manual max maximum medium min minimum
  mixed mode monthly never no none not office offline on online optional other package passive per peer pending
  platform point policy preview primary processor production protected proxy pull push ram rate ready region registered
  required retry ring risk role roles running ryzen safari scan schedule secondary secure server service services
  session sql standalone standard started state status success succeeded supported sync system task tcp time tls total
  tpm type uefi unhealthy unknown unmanaged unprotected unsupported update updates upgrade user users version vmware
  vpn weekly wi-fi windows x64 x86 xeon yes aad ad adr cmg cmpivot dp mp sup wsus net framework runtime odbc cm sp1 sp2
  r r2 tm eu us north south east west europe asia enterprisedb developer web gold silver platinum bronze @`
    .split(/\s+/)
    .filter(Boolean),
)

/** Whether every part of the text is a word, version or number of the product, so that nobody's name is in it. */
export function isProductText(text: string): boolean {
  if (text.length > LONGEST || holdsIdentifier(text)) return false
  if (DATE.test(text) || LANGUAGE.test(text)) return true
  const parts = text.split(/[\s,;:/()[\]_+®™]+/).filter((part) => part !== '')
  const digits = parts.filter((part) => /^\d+$/.test(part)).join('')
  return parts.length > 0 && digits.length <= MOST_DIGITS && parts.every(isProductWord)
}

function isProductWord(part: string): boolean {
  return (
    VERSION.test(part) ||
    ERROR.test(part) ||
    AMOUNT.test(part) ||
    MODEL.test(part) ||
    WORDS.has(part.toLowerCase())
  )
}

const IDENTIFIERS: readonly RegExp[] = [
  // Mail addresses and user principal names.
  /[^\s@]@[^\s@.]+\.[^\s@]/,
  // Account names with their domain; paths below a person's profile.
  /^[\w.-]{1,20}\\[\w.$-]+$/,
  /\\users\\|\/(?:home|users)\//i,
  // Network and hardware addresses.
  /(?:^|[^\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:$|[^\d.])/,
  /(?:^|[^\w:])(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4})?(?:$|[^\w:])|(?:^|[^\w:])[0-9a-f]{0,4}::[0-9a-f]/i,
  /(?:^|[^0-9a-f])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?:$|[^0-9a-f])/i,
]

/** Whether the text shows an identifier of a person or device, wherever in it. Such a value is dropped, not hashed. */
export function holdsIdentifier(text: string): boolean {
  return IDENTIFIERS.some((identifier) => identifier.test(text))
}
