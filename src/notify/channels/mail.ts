import nodemailer from 'nodemailer'
import type { MailSettings } from '../parts.ts'
import type { SendOutcome } from './outcome.ts'

export interface Mail {
  readonly to: string
  /** The same for every attempt, so that a message that came twice can be told from two messages. */
  readonly messageId: string
  /** What a relay that can do so quotes in its delivery report (RFC 3461, ENVID). */
  readonly envelopeId: string
  readonly sender: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly language: string
}

const TIMEOUT_IN_MS = 30_000

/** Hands one mail to the relay, over a connection of its own, so that what became of it is clear. */
export async function sendMail(settings: MailSettings, mail: Mail): Promise<SendOutcome> {
  const { timeoutMs = TIMEOUT_IN_MS, security, user, password, dkim } = settings
  const phase = { dataAccepted: false }
  const transport = nodemailer.createTransport({
    host: settings.host,
    port: settings.port,
    secure: security === 'tls',
    requireTLS: security === 'startTls',
    ignoreTLS: security === 'none',
    ...(settings.ca === undefined ? {} : { tls: { ca: settings.ca } }),
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    ...(dkim
      ? {
          dkim: {
            domainName: dkim.domain,
            keySelector: dkim.selector,
            privateKey: dkim.privateKey,
          },
        }
      : {}),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    transactionLog: true,
    logger: watching(phase),
  })
  try {
    const sent = await transport.sendMail(asMessage(settings, mail))
    return { outcome: 'sent', code: sent.response.slice(0, 3) }
  } catch (thrown) {
    return judged(thrown, phase.dataAccepted)
  } finally {
    transport.close()
  }
}

function asMessage(settings: MailSettings, mail: Mail) {
  const domain = settings.from.slice(settings.from.lastIndexOf('@') + 1)
  return {
    from: { name: mail.sender, address: settings.from },
    to: { name: '', address: mail.to },
    messageId: `<${mail.messageId}@${domain}>`,
    // A report is asked for when it fails or is late. It quotes the headers and not the text.
    dsn: {
      id: mail.envelopeId,
      return: 'headers' as const,
      notify: ['failure' as const, 'delay' as const],
    },
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'List-Id': `${mail.sender} <notices.${domain}>`,
      'Content-Language': mail.language,
      // For servers that quote the headers in a report and do not know ENVID.
      'X-Envelope-Id': mail.envelopeId,
    },
  }
}

/**
 * The library's errors do not tell in which phase a connection broke, its record of the dialogue does: once the
 * server has said 354 the message may have been taken, whatever comes after. Nothing of the record is kept.
 */
function watching(phase: { dataAccepted: boolean }) {
  const nothing = (): void => undefined
  const debug = (about: unknown, text?: unknown): void => {
    const fromServer = (about as { tnx?: string } | undefined)?.tnx === 'server'
    if (fromServer && typeof text === 'string' && text.startsWith('354')) phase.dataAccepted = true
  }
  return {
    level: nothing,
    trace: nothing,
    debug,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
  }
}

/** By the reply where there was one (RFC 5321, 4.2.1): 4xx asks to come again, 5xx says no. */
function judged(thrown: unknown, dataAccepted: boolean): SendOutcome {
  const {
    responseCode,
    command,
    code = 'fault',
  } = thrown as {
    responseCode?: number
    command?: string
    code?: string
  }
  if (responseCode === undefined)
    return { outcome: dataAccepted ? 'unknown' : 'again', code: code.toLowerCase() }
  // A relay that does not know us, or speaks no TLS, is wrongly set up: that says nothing of the recipient.
  const aboutMessage = /^(?:MAIL|RCPT|DATA)/.test(command ?? '')
  const final = responseCode >= 500 && aboutMessage
  return { outcome: final ? 'failed' : 'again', code: `smtp_${responseCode}` }
}
