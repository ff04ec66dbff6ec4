import { type Context, Hono } from 'hono'
import { acknowledgeByCode } from '#breach/notice-delivery.ts'
import type { BreachParts } from '#breach/parts.ts'
import type { Lease } from '#database/lease.ts'
import type { Clock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { memoryBudget } from '../../ingest/memory-budget.ts'
import { readBody } from '../../ingest/read-body.ts'

const LARGEST_FORM = 4_096
const MOST_IN_MEMORY = 4 * 1024 * 1024
const ADDRESS = '/notices/acknowledge'

type Language = 'en' | 'sv'

const WORDS = {
  en: {
    title: 'Acknowledge a notice',
    label: 'Code in the mail or letter',
    button: 'We have the notice',
    ask: 'By this you say that your organisation has the notice. Its own 72 hours to tell the authority may run from now.',
    done: 'Thank you. The notice is acknowledged, and nobody else is reminded.',
    before: 'This notice was acknowledged before. Nothing has changed.',
    unknown: 'This is no code of a notice. Please copy it whole, with the part before the dot.',
    later: 'This cannot be done at the moment. Please try again in a minute.',
  },
  sv: {
    title: 'Bekräfta ett meddelande',
    label: 'Koden i mejlet eller brevet',
    button: 'Vi har fått meddelandet',
    ask: 'Med detta säger du att er organisation har fått meddelandet. Era egna 72 timmar för att anmäla till myndigheten kan löpa från och med nu.',
    done: 'Tack. Meddelandet är bekräftat och ingen mer påminns.',
    before: 'Meddelandet är redan bekräftat. Inget har ändrats.',
    unknown:
      'Det här är ingen kod för ett meddelande. Kopiera hela koden, även delen före punkten.',
    later: 'Det går inte just nu. Försök igen om en minut.',
  },
} as const

type Said = 'ask' | 'done' | 'before' | 'unknown' | 'later'

/**
 * `/notices/acknowledge`: for contacts without an account, with the code of the mail or letter. Opening the page changes
 * nothing, so that a program which follows addresses in mails acknowledges nothing.
 */
export function acknowledgeRoutes(parts: {
  readonly breach: Pick<BreachParts, 'database' | 'keys'>
  readonly clock: Clock
  readonly lease: Pick<Lease, 'held'>
}): Hono {
  const { breach, clock, lease } = parts
  const claim = memoryBudget(MOST_IN_MEMORY)
  const take = async (context: Context): Promise<Said> => {
    if (!lease.held()) return 'later'
    const memory = claim()
    try {
      const body = await readBody(context, LARGEST_FORM, memory)
      if (isRefusal(body)) return body.refused === 'too_many_requests' ? 'later' : 'unknown'
      const code = new URLSearchParams(body.toString()).get('code') ?? ''
      const taken = await acknowledgeByCode(breach, code, clock.now())
      if (isRefusal(taken)) return 'unknown'
      return taken.isFirst ? 'done' : 'before'
    } finally {
      memory.release()
    }
  }
  const app = new Hono()
  app.get(ADDRESS, (context) => page(context, 'ask', 200))
  app.post(ADDRESS, async (context) => {
    const said = await take(context)
    return page(context, said, said === 'unknown' ? 404 : said === 'later' ? 503 : 200)
  })
  return app
}

function page(context: Context, said: Said, status: 200 | 404 | 503): Response {
  const language: Language = /^sv\b/i.test(context.req.header('accept-language') ?? '')
    ? 'sv'
    : 'en'
  const words = WORDS[language]
  const form = `<form method="post" action="${ADDRESS}"><label>${words.label}<br><input name="code" size="60" maxlength="200" required autocomplete="off"></label><p><button>${words.button}</button></p></form>`
  context.header('cache-control', 'no-store')
  context.header('referrer-policy', 'no-referrer')
  context.header('x-content-type-options', 'nosniff')
  context.header(
    'content-security-policy',
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  )
  return context.html(
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><title>${words.title}</title></head><body style="font-family:sans-serif;max-width:40em;margin:2em auto"><h1>${words.title}</h1><p role="status">${words[said]}</p>${said === 'ask' || said === 'unknown' || said === 'later' ? form : ''}</body></html>`,
    status,
  )
}
