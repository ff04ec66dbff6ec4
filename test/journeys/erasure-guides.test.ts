import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { keepRecords } from '#records/keep.ts'
import { ACME, startApiWorld } from './api-world.ts'
import { startErasureWorld } from './erasure-world.ts'

interface Typed {
  readonly method: string
  readonly path: string
  readonly body: string | undefined
  readonly status: number
}

/** The calls of a guide, in order: a line with method and address, a body where there is one, the status. */
function callsOf(guide: string): readonly Typed[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/guide', guide), 'utf8')
  return [...text.matchAll(/```http\n([\s\S]*?)```/g)].map(([, block = '']) => {
    const lines = block.trim().split('\n')
    const [, method = '', path = ''] = /^(\w+) (.*)$/.exec(lines[0] ?? '') ?? assert.fail(block)
    const body = lines.length === 3 ? lines[1] : undefined
    return { method, path, body, status: Number(lines.at(-1)) }
  })
}

/** Types a guide: `{id}` is the id of the last answer that had one, `{first}` of the first. */
async function follow(
  guide: string,
  names: Map<string, string>,
  send: (one: Typed) => Promise<{ status: number; body: { id?: string } | undefined }>,
): Promise<void> {
  for (const one of callsOf(guide)) {
    const named = (text: string): string =>
      text.replaceAll(
        /\{(id|first|record)\}/g,
        (_, name: string) => names.get(name) ?? assert.fail(name),
      )
    const body = one.body === undefined ? undefined : named(one.body)
    const answer = await send({ ...one, path: named(one.path), body })
    assert.equal(answer.status, one.status, `${one.method} ${one.path}`)
    const { id } = answer.body ?? {}
    if (id === undefined) continue
    names.set('id', id)
    if (!names.has('first')) names.set('first', id)
  }
}

describe('the guides, as they stand', () => {
  it('SCIM: a person comes, is looked up, is switched off, and goes', async () => {
    const t = await startErasureWorld()
    try {
      await follow('scim.md', new Map(), ({ method, path, body }) =>
        t.call(method, path.replace('/scim/v2', ''), body),
      )
    } finally {
      await t.stop()
    }
  })

  it('erasure: asked for, held, looked at, taken back', async () => {
    const world = await startApiWorld()
    try {
      const { database, keys, catalog } = world.endpointParts
      const record = await database.write(ACME, async (tx) => {
        await keepRecords(tx, keys, catalog, {
          connectionId: 'c',
          kind: 'person',
          subjectItem: 'person.userEmail',
          records: [{ subject: 'a@example.org', items: {}, removed: false }],
          now: world.clock.now(),
        })
        const [row] = await tx.rows<{ id: string }>(
          'select record_id as id from records where tenant_id = $1',
          [ACME],
        )
        return row?.id ?? ''
      })
      const admin = world.person(ACME, 'all')
      await follow('erasure.md', new Map([['record', record]]), ({ method, path, body }) =>
        world.call(admin, method, path.replace('/v1.0', ''), body),
      )
    } finally {
      await world.stop()
    }
  })
})
