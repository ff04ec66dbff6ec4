import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { APPLE_VPP_DEFAULTS } from '#catalog/flows/apple-apps-and-books.ts'
import { type Shape, itemsOf } from '#catalog/shape.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Exchange } from '#sharing/exchange.ts'
import {
  ALL_WORDS,
  ERROR_WORDS,
  errorNumberOf,
  numberOf,
  statusOfError,
  wordOf,
} from './error-words.ts'
import { EXCHANGES } from './exchanges.ts'
import { createLane } from './lane.ts'
import { readNotification } from './notifications.ts'
import { listPages } from './source.ts'
import { dressClientToken, readTokenFile, timeOf } from './token-file.ts'

interface Facts {
  v2: {
    endpoints: {
      method: string
      path: string
      query?: string[]
      request?: string[]
      response?: string[]
      personal?: string[]
    }[]
    notifications: { types: string[] }
  }
  legacy: { services: string[] }
  errorNumbers: Record<string, string>
}
const FACTS = join(import.meta.dirname, '../../../test/facts/apple-vpp.json')
const facts = JSON.parse(readFileSync(FACTS, 'utf8')) as Facts

/** Fields of the facts that do not pass, and why. */
const NOT_PASSED: Readonly<Record<string, string>> = {
  urls: 'they lead past Sluss',
  notificationAuthToken: 'whoever has it forges events',
}

const find = (method: string, path: string) =>
  EXCHANGES.find(
    (one) => one.path === `/mdm/v2${path}` && (one.methods as readonly string[]).includes(method),
  )
/** The member names of a shape, at every depth. */
function namesIn(shape: Shape | undefined): Set<string> {
  if (!shape || shape.kind === 'leaf') return new Set()
  if (shape.kind === 'array') return namesIn(shape.of)
  if (shape.kind === 'map') return namesIn(shape.value)
  return new Set(Object.entries(shape.fields).flatMap(([name, part]) => [name, ...namesIn(part)]))
}
const words = (texts: readonly string[] = []) =>
  texts.flatMap(
    (text) => text.replaceAll(/\((?:App|STDQ|PENDING)[^)]*\)/g, '').match(/[a-zA-Z0-9]+/g) ?? [],
  )

/** Every method and field of the facts that no exchange has. */
function missing(exchanges: readonly Exchange[], from: Facts): string[] {
  return from.v2.endpoints.flatMap(({ method, path: full, query, request, response, personal }) => {
    const [path = ''] = full.split('?')
    const found = exchanges.find(
      (one) => one.path === `/mdm/v2${path}` && (one.methods as readonly string[]).includes(method),
    )
    if (!found) return [`${method} ${path}`]
    const known = new Set([
      ...Object.keys(found.query),
      ...namesIn(found.request),
      ...namesIn(found.response),
    ])
    return [...words(query), ...words(request), ...words(response), ...words(personal)]
      .filter((name) => !known.has(name) && !Object.hasOwn(NOT_PASSED, name))
      .map((name) => `${method} ${path}: ${name}`)
  })
}

describe('exchanges of Apps and Books', () => {
  it('P4 are every call of the facts, with every field classified or kept back by name', () => {
    assert.deepEqual(missing(EXCHANGES, facts), [])
    for (const service of facts.legacy.services.filter((name) => name.endsWith('Srv')))
      assert.ok(
        EXCHANGES.some((one) => one.path === `/mdm/${service}`),
        service,
      )
  })

  it('P4 would notice a call or a field that is new', () => {
    const [first] = EXCHANGES
    assert.ok(missing(first ? [first] : [], facts).includes('GET /assets'))
    const grown = structuredClone(facts)
    grown.v2.endpoints[3]?.response?.push('shoeSize')
    assert.deepEqual(missing(EXCHANGES, grown), ['GET /assets: shoeSize'])
  })

  it('hold as personal or secret whatever the facts call personal', () => {
    for (const { method, path, personal = [] } of facts.v2.endpoints) {
      const exchange = find(method, path)
      const itemsAt = (shape: Shape | undefined, name: string): string[] => {
        if (!shape || shape.kind === 'leaf') return []
        if (shape.kind === 'array') return itemsAt(shape.of, name)
        if (shape.kind === 'map') return itemsAt(shape.value, name)
        return Object.entries(shape.fields).flatMap(([key, part]) => [
          ...(key === name ? itemsOf(part) : []),
          ...itemsAt(part, name),
        ])
      }
      for (const name of personal) {
        const items = [...itemsAt(exchange?.request, name), ...itemsAt(exchange?.response, name)]
        assert.ok(items.length > 0, `${path} ${name}`)
        for (const id of items) assert.equal(shippedCatalog.items.get(id)?.personal, true, id)
      }
    }
  })

  it('carry every published row of the flow, each as an item of an exchange', () => {
    for (const direction of ['outbound', 'inbound'] as const) {
      const carried = new Set(
        EXCHANGES.flatMap((one) =>
          direction === 'inbound'
            ? one.response
              ? itemsOf(one.response)
              : []
            : [
                ...(one.request ? itemsOf(one.request) : []),
                ...Object.values(one.query).flatMap(itemsOf),
              ],
        ),
      )
      const rows = shippedCatalog.flows.get(`apple-volume-purchase/${direction}`)?.items ?? []
      const published = rows.filter((row) => row.status === 'published')
      assert.equal(published.length, direction === 'outbound' ? 3 : 25)
      assert.deepEqual(
        published.filter((row) => !carried.has(row.item)).map((row) => row.source),
        [],
      )
    }
  })

  it('P6 P10 give Apple a name of its own for a user and no address, unless the tenant chose otherwise', () => {
    const rows = shippedCatalog.flows.get('apple-volume-purchase/outbound')?.items ?? []
    const defaults = rows.flatMap((row) =>
      row.defaultPrecision ? [[row.item, row.defaultPrecision]] : [],
    )
    assert.deepEqual(Object.fromEntries(defaults), APPLE_VPP_DEFAULTS)
    const back = shippedCatalog.flows.get('apple-volume-purchase/inbound')?.items ?? []
    assert.ok(back.every((row) => row.defaultPrecision === undefined))
    for (const exchange of EXCHANGES.filter(
      (one) => one.response && itemsOf(one.response).includes('person.intuneUserIdGuid'),
    ))
      assert.equal(exchange.returns, 'person.intuneUserIdGuid', exchange.id)
  })
})

describe('errors of Apps and Books', () => {
  it('have a word for each number of the facts, and no two the same', () => {
    assert.deepEqual(Object.keys(ERROR_WORDS), Object.keys(facts.errorNumbers))
    assert.equal(Object.keys(ERROR_WORDS).length, 24)
    assert.equal(new Set(Object.values(ERROR_WORDS)).size, 24)
    for (const word of ALL_WORDS) assert.equal(wordOf(numberOf(word)), word)
    assert.equal(wordOf(9999), undefined)
    for (const number of Object.keys(ERROR_WORDS)) {
      const status = statusOfError(Number(number))
      assert.ok(status >= 400 && status <= 500)
    }
  })

  it('are found whatever the status, and nothing else is taken for one', () => {
    const found = (value: unknown) => errorNumberOf(Buffer.from(JSON.stringify(value)))
    assert.equal(found({ errorNumber: 9622, errorMessage: 'x' }), 9622)
    assert.equal(found({ status: -1 }), 0)
    assert.equal(found({ errorMessage: 'x' }), 0)
    for (const fine of [
      {},
      { eventId: 'x' },
      { status: 0 },
      { errorNumber: 0 },
      [],
      null,
      'x',
      { errorNumber: '9622' },
    ])
      assert.equal(found(fine), undefined)
    assert.equal(errorNumberOf(Buffer.from('half a{')), undefined)
  })
})

const file = (value: unknown) => Buffer.from(Buffer.from(JSON.stringify(value)).toString('base64'))
const GOOD = {
  token: 'c2VjcmV0',
  expDate: '2030-11-08T22:33:22+0000',
  orgName: 'Example organisation',
}

describe('content token', () => {
  it('is read from the portal’s file, with its end and its organisation', () => {
    const read = readTokenFile(Buffer.concat([file(GOOD), Buffer.from('\n')]))
    assert.ok(!isRefusal(read))
    assert.equal(read.expires_at, '2030-11-08T22:33:22.000Z')
    assert.equal(read.org_name, 'Example organisation')
    assert.equal(read.content_token, file(GOOD).toString())
    assert.equal(timeOf('2030-11-08T22:33:22+0130'), Date.UTC(2030, 10, 8, 21, 3, 22))
  })

  it('is refused without quoting when anything of it is wrong', () => {
    const { token: _, ...tokenless } = GOOD
    for (const [bad, field] of [
      [Buffer.from('not base64 canary!'), 'base64'],
      [Buffer.from('Y2FuYXJ5'), 'json'],
      [file(null), 'json'],
      [file(tokenless), 'token'],
      [file({ ...GOOD, orgName: 7 }), 'orgName'],
      [file({ ...GOOD, expDate: 'canary' }), 'expDate'],
      [file({ ...GOOD, expDate: '2030-13-08T22:33:22+0000' }), 'expDate'],
      [Buffer.alloc(20_000, 'A'), 'size'],
    ] as const) {
      const read = readTokenFile(bad)
      assert.ok(isRefusal(read), field)
      assert.deepEqual([read.refused, read.about.field], ['token_file_invalid', field])
      assert.ok(!JSON.stringify(read).includes('canary'))
    }
  })

  it('of Sluss is dressed so that clients who read it first take it for one', () => {
    const dressed = readTokenFile(Buffer.from(dressClientToken('sluss_x', Date.UTC(2030, 0, 2))))
    assert.ok(!isRefusal(dressed))
    assert.equal(dressed.expires_at, '2030-01-02T00:00:00.000Z')
  })
})

describe('lane of calls under one token', () => {
  /** Whether lanes of that make keep their promises, whoever comes and goes. */
  const keepsOrder = (make: typeof createLane) =>
    fc.check(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), async (steps) => {
        let now = 1_000
        const lane = make(() => now)
        const inside: (() => void)[] = []
        const order: number[] = []
        let asked = 0
        let most = 0
        for (const enter of steps) {
          if (enter) {
            const number = asked++
            void lane.enter().then((leave) => {
              order.push(number)
              inside.push(leave ?? assert.fail())
              most = Math.max(most, inside.length)
            })
          } else inside.shift()?.()
          await Promise.resolve()
          await Promise.resolve()
        }
        assert.ok(most <= 4)
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        )
        lane.holdFor(30)
        lane.holdFor(10)
        assert.equal(lane.waitFor(), 30)
        now += 31
        assert.equal(lane.waitFor(), 0)
      }),
      { seed: 7, numRuns: 100 },
    )

  it('never lets more than four through, gives turns in order, and holds as long as was asked', async () => {
    const { failed, counterexample } = await keepsOrder(createLane)
    assert.equal(failed, false, JSON.stringify(counterexample))
  })

  it('would be noticed if it let everybody through, or if a shorter wait ended a longer one', async () => {
    const open: typeof createLane = (seconds) => ({
      ...createLane(seconds),
      enter: async () => () => {},
    })
    const forgetful: typeof createLane = (seconds) => {
      let until = 0
      return {
        ...createLane(seconds),
        holdFor: (length) => {
          until = seconds() + length
        },
        waitFor: () => Math.max(0, until - seconds()),
      }
    }
    for (const twin of [open, forgetful]) assert.equal((await keepsOrder(twin)).failed, true)
  })

  it('turns away what would wait behind too many', async () => {
    const lane = createLane(() => 0)
    const all = Array.from({ length: 4 + 256 + 1 }, () => lane.enter())
    assert.equal(await all.at(-1), undefined)
  })
})

describe('walk through a list', () => {
  const page = (versionId: string, rows: unknown[], nextPageIndex?: number) => ({
    users: rows,
    versionId,
    ...(nextPageIndex === undefined ? {} : { nextPageIndex }),
  })
  const walk = async (answers: unknown[], known?: string) => {
    const seen: unknown[][] = []
    let left = answers
    for await (const one of listPages(
      async () => {
        const [next, ...rest] = left
        left = rest
        return next
      },
      'users',
      known,
    )) {
      if (one.restarted) seen.length = 0
      seen.push([...one.rows])
    }
    return seen.flat()
  }

  it('never mixes two versions, whenever the list is written to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (writes, pages) => {
          // The list as it is asked: before some pages it is written to, and then all its rows are of the next version.
          let version = 0
          let asked = 0
          let left = [...writes]
          const rows: number[] = []
          for await (const one of listPages(
            async ({ pageIndex }) => {
              if (left[0] === asked) {
                version++
                left = left.slice(1)
                asked = 0
              } else asked++
              const index = Number(pageIndex)
              return page(
                `v${version}`,
                [{ v: version, index }],
                index + 1 < pages ? index + 1 : undefined,
              )
            },
            'users',
            undefined,
          )) {
            if (one.restarted) rows.length = 0
            rows.push(...one.rows.map((row) => Number(row.v)))
          }
          assert.equal(rows.length, pages)
          assert.equal(new Set(rows).size, 1)
        },
      ),
      { seed: 11, numRuns: 200 },
    )
  })

  it('asks for one page of a list that is as it was known', async () => {
    assert.deepEqual(await walk([page('v1', [{}], 1)], 'v1'), [])
  })

  it('gives up on half a page, a page without a version, pages in a circle, and a list that never stands still', async () => {
    for (const bad of [null, {}, { users: 7, versionId: 'x' }, { users: [], versionId: '' }])
      await assert.rejects(walk([bad]), /no list or no version/)
    await assert.rejects(walk([page('v', [], 1), page('v', [], 1)]), /circles/)
    const restless = Array.from({ length: 40 }, (_, i) => page(`v${i}`, [], 1))
    await assert.rejects(walk(restless), /stand still/)
  })
})

describe('notification', () => {
  it('wakes what it is about, and says nothing about anybody', () => {
    for (const type of facts.v2.notifications.types) {
      const body = {
        notification: { eventId: 'e-1', assignments: [{ serialNumber: 'CANARY' }] },
        notificationId: 'n-1',
        notificationType: type,
        uId: '1',
      }
      const event = readNotification(Buffer.from(JSON.stringify(body)), 5)
      assert.ok(!isRefusal(event))
      assert.equal(event.section, type)
      assert.deepEqual(event.wakes, {
        partyEvents: ['e-1'],
        synchronise: type !== 'TEST_NOTIFICATION',
      })
      assert.ok(!JSON.stringify(event).includes('CANARY'))
    }
  })

  it('P4 takes whatever bytes come for a notification or for none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const event = readNotification(Buffer.from(text), 0)
        assert.ok(isRefusal(event) || event.name !== '')
      }),
      { seed: 3, numRuns: 300 },
    )
  })
})
