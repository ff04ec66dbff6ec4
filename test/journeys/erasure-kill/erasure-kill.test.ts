import { administratorsOf } from '#access/role-change.ts'
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { keepRecords } from '#records/keep.ts'
import { askForErasure } from '#subjects/erase.ts'
import { eraseDue } from '#subjects/erase-due.ts'
import { listErasures } from '#subjects/erasure.table.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { readEntries, readHead } from '#ledger/read.ts'
import { compose } from '../../../src/compose.ts'
import { erasureParts } from '../../../src/node/erasure-jobs.ts'
import { personalDataHolders } from '../../../src/node/subject-rights.ts'
import { readSettings } from '../../../src/settings.ts'
import { temporaryFolder } from '../../folder.ts'

const TENANT = 'example'
const PEOPLE = 5
/** Each leaves the rest to whoever comes next. */
const DEATHS = [
  ['keysDestroyed', 1],
  ['rowsErased', 1],
  ['keysDestroyed', 2],
  ['told', 1],
] as const

describe('kill -9 during an erasure', () => {
  it('P11 whoever comes next goes on: everybody is erased, each once', async () => {
    const folder = await temporaryFolder('erasure-kill')
    const environment = { SLUSS_FOLDER: folder, SLUSS_PORT: '0' }
    const open = () =>
      compose({ settings: readSettings(environment, true), clock: systemClock, log: silentLog })
    const by = () => ({ actor: 'admin:1', at: systemClock.now() })
    try {
      let node = await open()
      const { catalog } = node.parts
      await node.database.write(TENANT, async (tx) => {
        await createTenant(tx, node.keys, { name: 'Example', region: 'EU', ...by() })
        const subjects = await keepRecords(tx, node.keys, catalog, {
          connectionId: 'c',
          kind: 'person',
          subjectItem: 'person.userEmail',
          records: Array.from({ length: PEOPLE }, (_, i) => ({
            subject: `p${i}@example.org`,
            items: { 'person.userEmail': `p${i}@example.org` },
            removed: false,
          })),
          now: systemClock.now(),
        })
        for (const id of subjects)
          await askForErasure(tx, { trigger: 'administrator', subjectIds: [id] }, by())
      })
      await node.stop()
      for (const [point, passing] of DEATHS) {
        const child = fork(
          join(import.meta.dirname, 'child.ts'),
          [TENANT, point, String(passing)],
          {
            env: { ...process.env, ...environment },
          },
        )
        const signal = await new Promise((resolve) => child.once('exit', (_, how) => resolve(how)))
        assert.equal(signal, 'SIGKILL', `${point} was not reached`)
      }
      node = await open()
      await eraseDue(
        erasureParts(
          node,
          personalDataHolders(
            { keys: node.keys, administrators: administratorsOf },
            systemClock.now,
          ),
        ),
        TENANT,
        by(),
      )
      await node.sequencer.settled()
      const { states, log } = await node.database.read(TENANT, async (reader) => ({
        states: (await listErasures(reader, { orderBy: [], top: 100, skip: 0, count: false })).rows,
        log: await readEntries(reader, 0, (await readHead(reader))?.size ?? 0),
      }))
      assert.deepEqual(
        states.map((one) => [one.state, one.removed.records]),
        Array.from({ length: PEOPLE }, () => ['erased', 1]),
      )
      const count = (kind: string) => log.filter((entry) => entry.kind === kind).length
      assert.deepEqual([count('erasure.keys-destroyed'), count('erasure')], [PEOPLE, PEOPLE])
      await node.stop()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
