import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { registerSigningKey } from '#access/signing-keys.ts'
import { INSTALLATION } from '#database/handles.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { verifyApproval } from '#ledger/verify/approval.ts'
import { keepRecords } from '#records/keep.ts'
import { ACME, type ApiWorld, BETA, type Person, startApiWorld } from './api-world.ts'

const REASON = 'Enrolment of the phones fails since Monday; need to see their serial numbers.'

describe('support access over the API', () => {
  let world: ApiWorld
  let engineer: Person
  let manager: Person
  let approver: Person
  let foreign: Person
  let record: string
  const pair = generateKeyPairSync('ed25519')
  let keyId: string

  before(async () => {
    world = await startApiWorld()
    engineer = world.person(INSTALLATION, new Set(['Support access/Request']), {
      personMarks: ['erin'],
    })
    manager = world.person(INSTALLATION, 'all', { personMarks: ['maja'] })
    approver = world.person(ACME, 'all', { personMarks: ['anna'] })
    foreign = world.person(BETA, 'all', { personMarks: ['tove'] })
    const { database, keys, catalog } = world.endpointParts
    record = await database.write(ACME, async (tx) => {
      await keepRecords(tx, keys, catalog, {
        connectionId: 'apple',
        kind: 'device',
        subjectItem: 'device.serialNumber',
        records: [
          {
            subject: 'SYN0000001',
            items: { 'device.serialNumber': 'SYN0000001', 'device.model': 'iPhone17,1' },
            removed: false,
          },
        ],
        now: world.clock.now(),
      })
      const [row] = await tx.rows<{ id: string }>(
        'select record_id as id from records where tenant_id = $1',
        [ACME],
      )
      return row?.id ?? assert.fail()
    })
    keyId = await database.write(ACME, async (tx) => {
      const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
      const { accountId } = approver.principal
      const by = { actor: `admin:${accountId}`, at: world.clock.now() }
      const id = await registerSigningKey(tx, { accountId, kind: 'ed25519', publicKey }, by)
      return isRefusal(id) ? assert.fail() : id
    })
  })
  after(() => world?.stop())

  const ok = async (person: Person, method: string, path: string, body?: unknown) => {
    const answer = await world.call(person, method, path, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  const operatorPath = (id: string, action = '') =>
    `/operator/support/tenants/${ACME}/accessRequests/${id}${action}`

  it('P7 P16 from the case to the signed approval, the end, and an entry that a stranger verifies', async () => {
    const { id: caseId } = await ok(approver, 'POST', '/support/cases', {
      reference: 'INC-7',
      title: 'Phones',
    })
    const asked = await ok(engineer, 'POST', '/operator/support/accessRequests', {
      tenantId: ACME,
      caseId,
      scope: { kind: 'query', filter: "device.model eq 'iPhone17,1'" },
      items: ['device.serialNumber'],
      purpose: 'remote-assistance',
      durationMinutes: 60,
      reason: REASON,
    })
    assert.equal(asked.state, 'created')
    const own = await ok(engineer, 'GET', '/operator/support/accessRequests')
    assert.deepEqual(
      own.value.map((one: { id: string }) => one.id),
      [asked.id],
    )
    const open = await ok(manager, 'GET', '/operator/support/openAccessRequests')
    assert.deepEqual(
      open.value.map((one: { id: string }) => one.id),
      [asked.id],
    )
    assert.equal(
      (await world.call(engineer, 'POST', operatorPath(asked.id, '/providerApprove'), {})).status,
      403,
    )
    await ok(manager, 'POST', operatorPath(asked.id, '/providerApprove'), {})
    const offer = await ok(approver, 'GET', `/support/accessRequests/${asked.id}/textToSign`)
    assert.deepEqual(offer.records, [record])
    const signature = sign(null, Buffer.from(offer.text), pair.privateKey).toString('base64url')
    const approval = {
      text: offer.text,
      records: offer.records,
      signature: { kind: 'ed25519', keyId, signature },
    }
    const hidden = await world.call(
      foreign,
      'POST',
      `/support/accessRequests/${asked.id}/approve`,
      approval,
    )
    assert.equal(hidden.status, 404)
    const approved = await ok(
      approver,
      'POST',
      `/support/accessRequests/${asked.id}/approve`,
      approval,
    )
    assert.equal(approved.state, 'active')
    const again = await world.call(
      approver,
      'POST',
      `/support/accessRequests/${asked.id}/approve`,
      approval,
    )
    assert.equal(again.body.error.innerError.code, 'request_state')
    const grants = await ok(engineer, 'GET', '/operator/support/accessGrants')
    assert.equal(grants.value[0].state, 'inForce')
    const report = await ok(approver, 'GET', '/support/accessReport')
    assert.equal(report.canReadNow[0].id, approved.grantId)
    await ok(approver, 'POST', `/support/accessGrants/${approved.grantId}/end`, {})
    const after = await ok(approver, 'GET', `/support/accessRequests/${asked.id}`)
    assert.equal(after.state, 'revoked')
    const entry = (await world.entries(ACME)).find((one) => one.kind === 'support.approved')
    assert.equal(verifyApproval(canonicalJson(entry as unknown as Json)).why, 'the signature fits')
  })

  it('narrows by a text of its own', async () => {
    const { id: caseId } = await ok(approver, 'POST', '/support/cases', {
      reference: 'I',
      title: 'T',
    })
    const asked = await ok(engineer, 'POST', '/operator/support/accessRequests', {
      tenantId: ACME,
      caseId,
      scope: { kind: 'records', ids: [record] },
      items: ['device.serialNumber', 'device.model'],
      purpose: 'remote-assistance',
      reason: REASON,
    })
    await ok(manager, 'POST', operatorPath(asked.id, '/providerApprove'), {})
    const path = `/support/accessRequests/${asked.id}`
    const narrowing = { items: ['device.model'], durationMinutes: 30 }
    const offer = await ok(approver, 'POST', `${path}/textToSign`, narrowing)
    assert.deepEqual([offer.items, offer.durationMinutes], [['device.model'], 30])
    const signature = sign(null, Buffer.from(offer.text), pair.privateKey).toString('base64url')
    const approval = {
      ...narrowing,
      text: offer.text,
      signature: { kind: 'ed25519', keyId, signature },
    }
    const wider = await world.call(approver, 'POST', `${path}/approve`, {
      ...approval,
      items: undefined,
    })
    assert.equal(wider.body.error.innerError.code, 'precondition_failed')
    const approved = await ok(approver, 'POST', `${path}/approve`, approval)
    const grant = await ok(approver, 'GET', `/support/accessGrants/${approved.grantId}`)
    assert.deepEqual([grant.items, grant.durationMinutes], [['device.model'], 30])
  })

  it('asks to prove again who you are before approving and before opening in an emergency', async () => {
    const late = world.person(ACME, 'all', { authenticatedAt: world.clock.now() - 6 * 60_000 })
    const id = '00000000-0000-4000-8000-000000000000'
    const answer = await world.call(late, 'POST', `/support/accessRequests/${id}/approve`, {
      text: 'x',
      signature: { kind: 'ed25519', keyId, signature: 'AAAA' },
    })
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error.innerError.code, 'step_up_needed')
  })

  it('an emergency is told, listed, and reviewed by both sides', async () => {
    const { id: caseId } = await ok(approver, 'POST', '/support/cases', {
      reference: 'I',
      title: 'T',
    })
    const first = world.person(INSTALLATION, 'all', { personMarks: ['nils'] })
    const second = world.person(INSTALLATION, 'all', { personMarks: ['ines'] })
    const asked = await ok(first, 'POST', '/operator/support/emergencies', {
      tenantId: ACME,
      caseId,
      scope: { kind: 'records', ids: [record] },
      items: ['device.model'],
      purpose: 'remote-assistance',
      reason: REASON,
    })
    assert.deepEqual((await ok(approver, 'GET', '/support/emergencies')).value, [])
    const path = `/operator/support/tenants/${ACME}/emergencies/${asked.id}`
    await ok(second, 'POST', `${path}/open`, {})
    const listed = await ok(approver, 'GET', '/support/emergencies')
    assert.equal(listed.value[0].id, asked.id)
    const sealed = await ok(approver, 'GET', '/support/sealedEntries')
    assert.deepEqual(
      sealed.value.map((one: { class: string }) => one.class),
      ['emergency'],
    )
    await ok(manager, 'POST', `${path}/review`, { outcome: 'justified' })
    await ok(approver, 'POST', `/support/emergencies/${asked.id}/review`, {
      outcome: 'notJustified',
    })
    const opened = await ok(approver, 'GET', '/support/sealedEntries')
    assert.notEqual(opened.value[0].openedDateTime, null)
  })

  it('refuses a query that cannot be understood, and settings out of bounds', async () => {
    const { id: caseId } = await ok(approver, 'POST', '/support/cases', {
      reference: 'I',
      title: 'T',
    })
    for (const filter of ['device.model eq', "device.nothing eq 'x'", '1=1; drop table records']) {
      const answer = await world.call(engineer, 'POST', '/operator/support/accessRequests', {
        tenantId: ACME,
        caseId,
        scope: { kind: 'query', filter },
        items: ['device.model'],
        purpose: 'remote-assistance',
        reason: REASON,
      })
      assert.equal(answer.status, 400, filter)
    }
    const answer = await world.call(approver, 'PATCH', '/support/settings', { answerHours: 97 })
    assert.equal(answer.status, 400)
    const settings = await ok(approver, 'PATCH', '/support/settings', { answerHours: 96 })
    assert.equal(settings.answerHours, 96)
  })
})
