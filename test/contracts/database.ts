import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openDatabase } from '#database/database.ts'
import { DatabaseFault } from '#database/fault.ts'
import { TooManyWaiting, groupCommits } from '#database/group.ts'
import type { Database } from '#database/handles.ts'
import { type JobKind, installJobs, startJobs } from '#database/jobs.ts'
import { holdLease } from '#database/lease.ts'
import { migrate } from '#database/migrate.ts'
import type { PoolSettings } from '#database/pool.ts'
import { manualClock, systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { MIGRATIONS } from '../database.ts'

export interface ServerUnderTest {
  readonly owner: PoolSettings
  readonly app: PoolSettings
  ownerQuery<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  stop(): Promise<void>
}

/** What every PostgreSQL that Sluss runs on must do; the same on the bundled one and on one given by URL. */
export function databaseContract(name: string, start: () => Promise<ServerUnderTest>): void {
  describe(`database on ${name}`, () => {
    let server: ServerUnderTest
    let database: Database
    const nodes: Database[] = []
    const openNode = async (): Promise<Database> => {
      const node = await openDatabase({ app: server.app, nodeId: randomUUID(), log: silentLog })
      nodes.push(node)
      return node
    }
    before(async () => {
      server = await start()
      const parts = {
        owner: server.owner,
        appPassword: server.app.password,
        folder: MIGRATIONS,
        log: silentLog,
      }
      await Promise.all([migrate(parts), migrate(parts)])
      database = await openNode()
    })
    after(async () => {
      await Promise.all(nodes.map((node) => node.close()))
      await server.stop()
    })

    const put = (tenantId: string, value: string, as = tenantId) =>
      database.write(as, (tx) =>
        tx.change(
          'insert into collection_choices (tenant_id, item_id, is_on, changed_by, changed_at) values ($1, $2, true, $3, now())',
          [tenantId, value, 'x'],
        ),
      )
    const list = (tenantId: string) =>
      database.read(tenantId, async (reader) =>
        (
          await reader.rows<{ item_id: string }>(
            'select item_id from collection_choices order by item_id',
          )
        ).map((row) => row.item_id),
      )

    it('P9 a tenant reads, changes and adds only its own rows', async () => {
      await put('alpha', 'a1')
      await put('beta', 'b1')
      assert.deepEqual(await list('alpha'), ['a1'])
      assert.deepEqual(await list('beta'), ['b1'])
      assert.deepEqual(await list('gamma'), [])
      await assert.rejects(put('beta', 'b2', 'alpha'), { code: '42501' })
      const changed = await database.write('alpha', (tx) =>
        tx.change("update collection_choices set is_on = false where tenant_id = 'beta'"),
      )
      assert.equal(changed, 0)
      await assert.rejects(
        database.write('alpha', (tx) =>
          tx.change("update collection_choices set tenant_id = 'beta'"),
        ),
        { code: '42501' },
      )
    })

    it('P9 no role of the session steps over the isolation', async () => {
      await database.write('alpha', async (tx) => {
        await tx.rows('reset role')
        assert.deepEqual(await tx.rows('select item_id from collection_choices'), [
          { item_id: 'a1' },
        ])
      })
      await assert.rejects(
        database.write('alpha', (tx) => tx.rows('set local role sluss_owner')),
        { code: '42501' },
      )
      await assert.rejects(
        database.write('alpha', (tx) =>
          tx.rows('set local row_security = off; select * from collection_choices'),
        ),
        { code: '42501' },
      )
      for (const tenantId of ['', "x'; drop table tenants; --", 'Ä', 'a b', 'x'.repeat(64)]) {
        await assert.rejects(list(tenantId), { code: 'tenant_id' })
      }
    })

    it('P9 every tenant table has tenant_id first in its key, forced row-level security, and another owner than the application', async () => {
      const tables = await server.ownerQuery<{
        name: string
        rls: boolean
        forced: boolean
        first: string | null
        owner: string
      }>(
        `select c.relname as name, c.relrowsecurity as rls, c.relforcerowsecurity as forced, pg_get_userbyid(c.relowner) as owner,
                (select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                  where i.indrelid = c.oid and i.indisprimary) as first
           from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`,
      )
      assert.ok(tables.length > 15)
      for (const table of tables.filter((one) => one.name !== 'migrations')) {
        assert.deepEqual(
          [table.name, table.rls, table.forced, table.first],
          [table.name, true, true, 'tenant_id'],
        )
      }
      assert.ok(tables.every((table) => table.owner !== 'sluss_app'))
      await assert.rejects(
        server.ownerQuery(
          'create table loose (id int primary key, tenant_id text not null); select sluss_tenant_table($$loose$$, $$select$$)',
        ),
        /must begin with tenant_id/,
      )
    })

    it('a reader changes nothing and sees one state', async () => {
      await assert.rejects(
        database.read('alpha', (reader) =>
          reader.rows(
            "insert into collection_choices values ('alpha', 'z', true, null, 'x', now())",
          ),
        ),
        { code: '25006' },
      )
      await database.read('alpha', async (reader) => {
        const count = () => reader.rows('select item_id from collection_choices')
        const before = await count()
        await put('alpha', `later-${randomUUID()}`)
        assert.deepEqual(await count(), before)
      })
    })

    it('a rejected work leaves nothing, and tells nobody', async () => {
      const heard: string[] = []
      const stop = database.onCommitted('topic', (tenantId) => heard.push(tenantId))
      await assert.rejects(
        database.write('rolled', async (tx) => {
          await tx.change(
            "insert into collection_choices values ('rolled', 'z', true, null, 'x', now())",
          )
          tx.announce('topic')
          throw new Error('no')
        }),
        /^Error: no$/,
      )
      await database.write('kept', async (tx) => tx.announce('topic'))
      stop()
      assert.deepEqual([await list('rolled'), heard], [[], ['kept']])
    })

    it('a handle is dead after its transaction', async () => {
      const [leaked] = await database.write('alpha', async (tx) => [tx])
      await assert.rejects(async () => leaked?.rows('select 1'), { code: 'transaction_ended' })
    })

    it('faults carry no SQL, no parameter and no row', async () => {
      const canary = 'canary-in-a-row'
      await put('faulty', canary)
      const faults = [
        put('faulty', canary),
        database.write('faulty', (tx) => tx.rows('select $1::int', [canary])),
        database.write('faulty', (tx) => tx.rows(`select '${canary}' from no_such_table`)),
      ]
      for (const { reason } of (await Promise.allSettled(faults)) as PromiseRejectedResult[]) {
        assert.ok(reason instanceof DatabaseFault)
        assert.ok(
          !`${reason.message} ${reason.stack} ${JSON.stringify(reason)} ${String(reason.cause)}`.includes(
            canary,
          ),
        )
      }
    })

    it('hears notifications of another node, and only of commits', async () => {
      const second = await openNode()
      const heard: string[] = []
      await second.listen('test_channel', (payload) => heard.push(payload))
      await assert.rejects(
        database.write('alpha', async (tx) => {
          await tx.rows("select pg_notify('test_channel', 'lost')")
          throw new Error('no')
        }),
      )
      await database.write('alpha', (tx) => tx.rows("select pg_notify('test_channel', 'kept')"))
      for (let tries = 0; tries < 100 && heard.length === 0; tries++) await pause(10)
      assert.deepEqual(heard, ['kept'])
    })

    it('callers who wait together share commits; one fault is told to all of its group and to no other', async () => {
      let commits = 0
      const group = groupCommits<number, number>((tenantId, items) =>
        database.write(tenantId, async (tx) => {
          commits++
          if (items.includes(-1)) await tx.rows('select 1/0')
          return items.map((item) => item * 2)
        }),
      )
      const results = await Promise.all(
        Array.from({ length: 200 }, (_, i) => group.submit('grouped', i)),
      )
      assert.deepEqual(
        results,
        Array.from({ length: 200 }, (_, i) => i * 2),
      )
      assert.ok(commits < 50, `${commits} commits`)
      const bad = group.submit('grouped', -1)
      const apart = group.submit('apart', 4)
      await assert.rejects(bad, { code: '22012' })
      assert.equal(await apart, 8)
      await group.idle()
      const small = groupCommits<number, number>(async (_, items) => [...items], {
        waiting: 2,
        inFlight: 1,
      })
      const many = await Promise.allSettled(
        Array.from({ length: 5 }, (_, i) => small.submit('small', i)),
      )
      assert.ok(
        many.some((one) => one.status === 'rejected' && one.reason instanceof TooManyWaiting),
      )
    })

    it('P5 a lease counts from before the database was asked, and ends by itself', async () => {
      const clock = manualClock()
      const lease = await holdLease(database, clock, silentLog)
      clock.advance(4_999)
      assert.ok(lease.held())
      clock.advance(1)
      assert.ok(!lease.held())
      await lease.stop()
    })

    it('finds nodes that died by the clock of the database', async () => {
      const lease = await holdLease(database, systemClock, silentLog)
      await server.ownerQuery(
        "insert into nodes values ('installation', 'dead', now(), now() - interval '1 minute')",
      )
      assert.deepEqual(await lease.deadNodes(), ['dead'])
      await lease.forget('dead')
      assert.deepEqual(await lease.deadNodes(), [])
      await lease.stop()
    })

    it('jobs: one of each key waits or runs, what fails is tried again, and no value is kept of a fault', async () => {
      await Promise.all([installJobs(server.owner), installJobs(server.owner)])
      const runs: string[] = []
      let release: () => void = () => undefined
      const held = new Promise<void>((resolve) => (release = resolve))
      const kinds: JobKind<never>[] = [
        {
          name: 'held',
          seconds: 60,
          tryAgain: false,
          run: async ({ key }: { key: string }) => {
            runs.push(key)
            await held
          },
        },
        {
          name: 'failing',
          seconds: 60,
          tryAgain: true,
          run: () => Promise.reject(new TypeError('canary@example.org')),
        },
      ]
      const nodes = await Promise.all(
        [1, 2].map(() => startJobs({ app: server.app, log: silentLog, kinds })),
      )
      const [one, other] = nodes
      assert.ok(one && other)
      assert.equal(await one.add('held', 'a', { key: 'a' }), true)
      assert.equal(await other.add('held', 'a', { key: 'a' }), false)
      await until(() => runs.includes('a'))
      assert.equal(await other.add('held', 'a', { key: 'a' }), false)
      assert.equal(await one.add('held', 'b', { key: 'b' }), true)
      await until(() => runs.includes('b'))
      release()
      await until(() => one.add('held', 'a', { key: 'again' }))
      await until(() => runs.includes('again'))
      assert.equal(runs.filter((key) => key === 'a').length, 1)

      await one.add('failing', 'x', { key: 'x' })
      const failed = () =>
        server.ownerQuery<{ state: string; output: unknown }>(
          "select state, output from jobs.job where name = 'failing'",
        )
      await until(async () => (await failed())[0]?.state === 'retry')
      const [kept] = await failed()
      assert.match(JSON.stringify(kept), /TypeError/)
      assert.doesNotMatch(JSON.stringify(kept), /canary/)
      await Promise.all(nodes.map((jobs) => jobs.stop()))
    })

    it('does not open under a role that steps over the isolation', async () => {
      await assert.rejects(
        openDatabase({ app: server.owner, nodeId: 'x', log: silentLog }),
        /must not step over row-level security/,
      )
    })

    it('does not start on a schema that is newer or was changed', async () => {
      const parts = {
        owner: server.owner,
        appPassword: server.app.password,
        folder: MIGRATIONS,
        log: silentLog,
      }
      await server.ownerQuery(
        "insert into migrations values ('9999-database-future.sql', 'x', now())",
      )
      await assert.rejects(migrate(parts), /newer than this Sluss/)
      await server.ownerQuery("delete from migrations where name like '9999%'")
      await server.ownerQuery("update migrations set hash = 'x' where name like '0001%'")
      await assert.rejects(migrate(parts), /changed after it was applied/)
    })
  })
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come about in 20 s')
    await pause(50)
  }
}
