import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { fetch } from 'undici'
import { type RunningServer, startServer } from '#http/server.ts'
import { ACME, type ApiWorld, startApiWorld } from './api-world.ts'

describe('the one port', () => {
  let world: ApiWorld
  let server: RunningServer
  let url: string
  const seen: string[] = []
  before(async () => {
    world = await startApiWorld()
    const signIn = new Hono<{ Bindings: HttpBindings }>()
    signIn.get('/sign-in', (context) => context.text('the page'))
    server = await startServer({
      ...world.parts,
      lease: {
        held: () => world.lease,
        deadNodes: async () => [],
        forget: async () => {},
        stop: async () => {},
      },
      ledgerName: 'sluss.example',
      host: '127.0.0.1',
      port: 0,
      signIn,
      issuer: {
        prefix: '/oauth',
        callback: (request, response) => {
          seen.push(request.url ?? '')
          response.end('the issuer')
        },
      },
    })
    url = `http://127.0.0.1:${server.port}`
  })
  after(async () => {
    await server.close()
    await world.stop()
  })
  const get = async (path: string) => {
    const answer = await fetch(`${url}${path}`)
    return { status: answer.status, text: await answer.text() }
  }

  it('gives the issuer what stands behind its prefix, as it came, and nothing that only looks so', async () => {
    for (const path of ['/oauth', '/oauth/token?a=%2F', '/oauth?x=1'])
      assert.equal((await get(path)).text, 'the issuer')
    assert.deepEqual(seen, ['/oauth', '/oauth/token?a=%2F', '/oauth?x=1'])
    assert.equal((await get('/oauthentic')).status, 404)
    assert.equal((await get('/x/oauth')).status, 404)
    assert.equal(seen.length, 3)
  })

  it('lets one address try to sign in only so often, and everything else goes on', async () => {
    const limited = await startServer({
      ...world.parts,
      lease: {
        held: () => true,
        deadNodes: async () => [],
        forget: async () => {},
        stop: async () => {},
      },
      ledgerName: 'sluss.example',
      host: '127.0.0.1',
      port: 0,
      issuer: { prefix: '/oauth', callback: (_, response) => response.end('the issuer') },
      signInRate: { burst: 2, perSecond: 0.5 },
    })
    try {
      const at = (path: string) => fetch(`http://127.0.0.1:${limited.port}${path}`)
      assert.equal((await at('/oauth/token')).status, 200)
      assert.equal((await at('/sign-in')).status, 404)
      const refused = await at('/oauth/token')
      assert.equal(refused.status, 429)
      assert.match(refused.headers.get('retry-after') ?? '', /^[12]$/)
      assert.equal((await at('/readyz')).status, 200)
    } finally {
      await limited.close()
    }
  })

  it('has pages of signing in, health and logs, and answers 404 elsewhere in the shape of Graph', async () => {
    assert.equal((await get('/sign-in')).text, 'the page')
    assert.equal((await get('/readyz')).status, 200)
    assert.equal((await get(`/ledger/${ACME}/tile/0/000`)).status, 401)
    const missing = await get('/nothing')
    assert.equal(missing.status, 404)
    assert.equal(JSON.parse(missing.text).error.code, 'ResourceNotFound')
  })

  it('is not ready while its lease is over', async () => {
    world.lease = false
    assert.equal((await get('/readyz')).status, 503)
    world.lease = true
  })

  it('has no API where none was given to it, and no counts', async () => {
    assert.equal((await get('/v1.0/organization')).status, 404)
    assert.equal((await get('/metrics')).status, 404)
  })
})
