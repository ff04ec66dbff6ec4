import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

/** A stand-in for the operator's mail relay, for samples and tests: real SMTP, and what came is kept in memory. */
export interface SandboxMail {
  readonly port: number
  /** Every message that was taken over, as it came, oldest first. */
  readonly received: ReceivedMail[]
  /** The next dialogues meet these faults, one each, in order. */
  inject(...faults: MailFault[]): void
  stop(): Promise<void>
}

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly source: Buffer
  readonly secure: boolean
}

export type MailFault =
  /** This reply to MAIL FROM, RCPT TO, or the end of the message. */
  | { readonly at: 'mail' | 'rcpt' | 'data'; readonly code: number }
  /** Takes the message over, and goes away without saying so. */
  | { readonly at: 'after-data' }

export interface SandboxMailOptions {
  readonly port?: number
  /** PEM; with them STARTTLS is offered, or TLS from the first byte when `secure`. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly secure: boolean }
  readonly user?: { readonly name: string; readonly password: string }
}

export async function startSandboxMail(options: SandboxMailOptions = {}): Promise<SandboxMail> {
  const received: ReceivedMail[] = []
  const faults: MailFault[] = []
  const take = (at: MailFault['at']): MailFault | undefined =>
    faults[0]?.at === at ? faults.shift() : undefined
  const fail = (fault: MailFault | undefined): Error | null =>
    fault && 'code' in fault
      ? Object.assign(new Error('as the test asked'), { responseCode: fault.code })
      : null
  const server = new SMTPServer({
    ...(options.tls ? { ...options.tls, secure: options.tls.secure } : {}),
    authOptional: options.user === undefined,
    disabledCommands: [...(options.tls ? [] : ['STARTTLS']), ...(options.user ? [] : ['AUTH'])] as (
      | 'AUTH'
      | 'STARTTLS'
    )[],
    disableReverseLookup: true,
    logger: false,
    onAuth: (auth, _session, done) => {
      const known = auth.username === options.user?.name && auth.password === options.user?.password
      done(known ? null : new Error('not known'), known ? { user: auth.username } : undefined)
    },
    onMailFrom: (_address, _session, done) => done(fail(take('mail'))),
    onRcptTo: (_address, _session, done) => done(fail(take('rcpt'))),
    onData: (stream, session, done) => {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        const refused = fail(take('data'))
        if (refused) return done(refused)
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map((to) => to.address),
          source: Buffer.concat(parts),
          secure: session.secure,
        })
        if (take('after-data')) return hangUp(server)
        return done(null, 'taken over')
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    inject: (...more) => {
      faults.push(...more)
    },
    stop: async () => {
      hangUp(server)
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The library keeps its connections to itself; each has its socket. */
function hangUp(server: SMTPServer): void {
  const { connections } = server as unknown as {
    connections: Set<{ _socket: { destroy(): void } }>
  }
  for (const connection of connections) connection._socket.destroy()
}
