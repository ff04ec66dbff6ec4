/** What a mail server reports of one message, as RFC 3464 has it. Addresses and what servers said in words stay out. */
export interface DeliveryReport {
  /** The envelope id under which the mail was handed over (RFC 3461), where the report quotes it. */
  readonly envelopeId: string | undefined
  readonly action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded'
  /** Enhanced status code, RFC 3463: `5.1.1`. */
  readonly status: string
}

/** Larger than any report that quotes headers. */
const REPORT_BYTES = 262_144
/** Our own header, for servers that quote the message and do not know RFC 3461. */
const ENVELOPE_HEADER = 'x-envelope-id'

const ACTIONS: ReadonlySet<string> = new Set([
  'failed',
  'delayed',
  'delivered',
  'relayed',
  'expanded',
])
const DEEPEST = 3

interface Part {
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/**
 * Reads a `multipart/report` with a part `message/delivery-status`. Of several recipients the worst counts: each of our
 * mails has one.
 *
 * @param source  the whole message; what is read of it is attacker-controlled
 * @returns undefined for what is no such report: a holiday reply, a complaint, anything malformed
 */
export function readDeliveryReport(source: Buffer): DeliveryReport | undefined {
  if (source.length > REPORT_BYTES) return undefined
  const message = splitPart(source.toString('latin1'))
  const { type, parameters } = contentType(message)
  if (type !== 'multipart/report') return undefined
  const parts = partsOf(message.body, parameters.get('boundary'))
  const status = parts.find((part) => contentType(part).type === 'message/delivery-status')
  if (!status) return undefined
  const [perMessage, ...perRecipient] = decoded(status)
    .split(/\n\s*\n/)
    .map(fieldsOf)
    .filter((fields) => fields.size > 0)
  const told = perRecipient.flatMap((fields) => {
    const action = fields.get('action')?.toLowerCase() ?? ''
    const code = /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(fields.get('status') ?? '')?.[1]
    return ACTIONS.has(action) && code !== undefined
      ? [{ action: action as DeliveryReport['action'], status: code }]
      : []
  })
  const worst = told.find((one) => one.action === 'failed') ?? told[0]
  if (!worst) return undefined
  const envelopeId = perMessage?.get('original-envelope-id') ?? quotedId(parts, 0)
  return { ...worst, envelopeId: envelopeId?.trim() }
}

function quotedId(parts: readonly Part[], depth: number): string | undefined {
  for (const part of parts) {
    const { type, parameters } = contentType(part)
    if (type === 'text/rfc822-headers' || type === 'message/rfc822') {
      const found = fieldsOf(splitPart(decoded(part)).head).get(ENVELOPE_HEADER)
      if (found !== undefined) return found
    } else if (type.startsWith('multipart/') && depth < DEEPEST) {
      const found = quotedId(partsOf(part.body, parameters.get('boundary')), depth + 1)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function splitPart(text: string): Part & { readonly head: string } {
  const plain = text.replaceAll('\r\n', '\n')
  const end = plain.startsWith('\n') ? 0 : plain.indexOf('\n\n')
  const head = end < 0 ? plain : plain.slice(0, end)
  return {
    head,
    headers: fieldsOf(head),
    body: end < 0 ? '' : plain.slice(end + (end === 0 ? 1 : 2)),
  }
}

function partsOf(body: string, boundary: string | undefined): readonly Part[] {
  if (boundary === undefined || boundary === '') return []
  const parts: string[] = []
  let part: string[] | undefined
  for (const line of body.split('\n')) {
    const bare = line.trimEnd()
    if (bare === `--${boundary}` || bare === `--${boundary}--`) {
      if (part) parts.push(part.join('\n'))
      part = bare.endsWith(`${boundary}--`) ? undefined : []
      if (part === undefined) break
    } else part?.push(line)
  }
  // A report that was cut off still says in its last part what it says.
  if (part) parts.push(part.join('\n'))
  return parts.map(splitPart)
}

/** Header fields by lower-case name, unfolded (RFC 5322, 2.2.3). The first of a name counts. */
function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.replaceAll(/\n[ \t]+/g, ' ').split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).trim().toLowerCase()
    if (!fields.has(name)) fields.set(name, line.slice(colon + 1).trim())
  }
  return fields
}

function contentType({ headers }: Part): {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
} {
  const [type = '', ...rest] = (headers.get('content-type') ?? 'text/plain').split(';')
  const parameters = rest.map((one) => {
    const at = one.indexOf('=')
    const value = one.slice(at + 1).trim()
    return [one.slice(0, at).trim().toLowerCase(), value.replace(/^"(.*)"$/, '$1')] as const
  })
  return { type: type.trim().toLowerCase(), parameters: new Map(parameters) }
}

function decoded(part: Part): string {
  const encoding = part.headers.get('content-transfer-encoding')?.toLowerCase()
  if (encoding === 'base64')
    return Buffer.from(part.body, 'base64').toString('latin1').replaceAll('\r\n', '\n')
  if (encoding !== 'quoted-printable') return part.body
  return part.body
    .replaceAll(/=[ \t]*\n/g, '')
    .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
}
