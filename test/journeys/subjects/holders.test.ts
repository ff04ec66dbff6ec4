import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { HELD_BY } from '#subjects/holders.ts'
import { type TestDatabase, testDatabase } from '../../database.ts'
import { personalDataHolders } from '../../../src/node/subject-rights.ts'

/** Tables with a sealed or personal column that hold nothing of anybody whom a holder would have to tell, and why. */
const NOT_OF_PEOPLE: Readonly<Record<string, string>> = {
  subject_keys: 'keys only; erasing is destroying them',
  connections: 'credentials of the tenant',
  identity_providers: 'credentials of the tenant',
  party_sessions: 'credentials of the tenant',
  push_certificates: 'credentials of the tenant',
  push_tunnels: 'the address of a proxy of the tenant',
  vpp_tokens: 'credentials of the tenant',
  notice_settings: 'the receiver of the tenant and its secrets',
  ceremonies: 'minutes of a sign-in; gone by themselves',
  oidc_store: 'minutes to days of a sign-in; gone by themselves',
  one_time_links: 'hashes of links, for an account that is told',
  service_secrets: 'hashes of random secrets of services',
  idempotency: 'answers of a day, sealed for the tenant; gone by themselves',
  tenants: 'the organisation itself',
  sealed_entries: 'what an investigation keeps back by law until its date; countable',
  ledger_segments: 'the log: subjects by commitments; told as what was shared and who looked',
  ledger_heads: 'the log',
  ledger_tiles: 'the log: hashes',
  breach_subjects: 'made from the log',
  breach_touches: 'made from the log',
  breach_credentials: 'made from the log',
  breach_people: 'staff of the operator who handle incidents, in the operator\u2019s realm',
  breach_incidents: 'text of the operator about incidents',
  breach_timeline: 'text of the operator about incidents',
  breach_signals: 'text of the operator about signals',
  breach_decoys: 'planted names of nobody',
  breach_canaries: 'planted names of nobody',
  rights_sightings: 'made from the log',
  grant_views: 'ids of entries of the log',
  signing_keys: 'keys of the installation',
  tenant_keys: 'keys',
  tenant_secrets: 'keys',
  notice_contacts:
    'addresses that the organisation chose for its notices; its settings show and remove them',
  notice_documents: 'what was written to the organisation',
  breach_notice_versions: 'what was written to the organisation',
  breach_notice_approvals: 'staff of the operator, in its own realm',
  breach_correspondents: 'secrets shared with other services',
  breach_exercises: 'staff of the operator, in its own realm',
  breach_letters: 'what was written to other services',
}

/** Rooms whose tables are being built elsewhere and answer by a holder of their own or a reasoned list of their own. */
const ELSEWHERE =
  /^(?:scim_groups|scim_members|erasure|reports?_|releases|relay_|suite_|site_lists|diagnostics_|retention_)/

let test: TestDatabase
before(async () => {
  test = await testDatabase()
})
after(() => test.stop())

/** Tables that hold sealed bytes, a keyed hash of a name, or the id of a subject or account. */
function personalTables(
  columns: readonly { table_name: string; column_name: string; data_type: string }[],
) {
  return new Set(
    columns
      .filter(
        ({ column_name, data_type }) =>
          data_type === 'bytea' || /(?:^|_)(?:blind|subject_id|account_id)$/.test(column_name),
      )
      .map((one) => one.table_name),
  )
}

describe('every table that keeps something of people', () => {
  it('belongs to a room that tells them, or says why not', async () => {
    const columns = await test.ownerQuery<{
      table_name: string
      column_name: string
      data_type: string
    }>(
      `select c.table_name, c.column_name, c.data_type from information_schema.columns c
         join information_schema.columns t on t.table_name = c.table_name and t.column_name = 'tenant_id' and t.table_schema = 'public'
        where c.table_schema = 'public'`,
    )
    const nobody = [...personalTables(columns)].filter(
      (table) => !HELD_BY[table] && !NOT_OF_PEOPLE[table] && !ELSEWHERE.test(table),
    )
    assert.deepEqual(nobody, [])
    const caught = personalTables([
      ...columns,
      { table_name: 'diary', column_name: 'sealed', data_type: 'bytea' },
    ])
    assert.ok(caught.has('diary') && !HELD_BY.diary, 'a new sealed table would be caught')
  })

  it('has a holder that is handed in', () => {
    const accounts = { keys: undefined as never, administrators: async () => new Set<string>() }
    const names = new Set(personalDataHolders(accounts, () => 0).map((holder) => holder.holder))
    for (const [table, holder] of Object.entries(HELD_BY))
      assert.ok(names.has(holder), `${table}: ${holder}`)
  })
})
