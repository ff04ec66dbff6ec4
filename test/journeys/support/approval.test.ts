import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { registerSigningKey } from '#access/signing-keys.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { verifyApproval, withDigest } from '#ledger/verify/approval.ts'
import {
  ACME,
  type BenchEntry,
  HOUR,
  ITEMS,
  type Person,
  REASON,
  START,
  type SupportBench,
  approveAs,
  code,
  must,
  supportBench,
} from '../../support-access.ts'
import { type SoftwarePasskey, softwarePasskey } from '../../software-passkey.ts'

type Parsed = { [member: string]: Json } & { data: { [member: string]: Json } }
type Verify = typeof verifyApproval

describe('an approval as evidence', () => {
  let bench: SupportBench
  let asker: Person
  let manager: Person
  let approver: Person
  let caseId: string

  before(async () => {
    bench = await supportBench()
    asker = await bench.person('erin')
    manager = await bench.person('maja')
    approver = await bench.person('anna', ACME)
    caseId = must(
      await bench.support.openCase(ACME, { reference: 'INC-2', title: 'Tablets' }, as(approver)),
    )
  })
  after(() => bench?.stop())

  const as = (person: Person, now = START) => ({ principal: person.principal, now })
  const waiting = async (): Promise<string> => {
    const wanted = {
      caseId,
      scope: { kind: 'records' as const, ids: bench.records.slice(0, 2) },
      items: ITEMS,
      purpose: 'remote-assistance',
      durationMs: HOUR,
      reason: REASON,
    }
    const requestId = must(await bench.support.ask(ACME, wanted, as(asker)))
    must(await bench.support.providerApprove(ACME, requestId, as(manager)))
    return requestId
  }
  const entryOf = async (requestId: string): Promise<BenchEntry> => {
    const found = (await bench.entries()).find(
      (entry) => entry.kind === 'support.approved' && entry.data['request'] === requestId,
    )
    return found ?? assert.fail('no entry')
  }
  const byKey = async (): Promise<BenchEntry> => {
    const requestId = await waiting()
    must(await approveAs(bench.support, approver, requestId, START))
    return entryOf(requestId)
  }
  const register = async (passkey: SoftwarePasskey): Promise<void> => {
    const key = {
      accountId: approver.principal.accountId,
      kind: 'passkey' as const,
      publicKey: passkey.cose,
      keyId: passkey.id,
    }
    const by = { actor: 'admin:x', at: START }
    must(await bench.database.write(ACME, (tx) => registerSigningKey(tx, key, by)))
  }
  const approveByPasskey = async (
    requestId: string,
    passkey: SoftwarePasskey,
    options: Parameters<SoftwarePasskey['assert']>[1] = {},
  ) => {
    const { text, records, challenge } = must(
      await bench.support.textToSign(requestId, {}, as(approver)),
    )
    const assertion = passkey.assert(challenge, options)
    const signature = { kind: 'passkey' as const, keyId: passkey.id, assertion }
    return bench.support.approve(requestId, { text, records, signature }, as(approver))
  }

  it('P16 verifies offline from the entry alone, with the key that the log names', async () => {
    const entry = await byKey()
    assert.deepEqual(verifyApproval(entry.json).why, 'the signature fits')
    const registered = (await bench.entries()).find(
      (one) =>
        one.kind === 'key.registered' && one.data['account'] === approver.principal.accountId,
    )
    assert.equal(registered?.data['publicKey'], entry.data['publicKey'])
  })

  it('P16 verifies by openssl, which knows nothing of us', async () => {
    const entry = await byKey()
    const folder = await mkdtemp(join(tmpdir(), 'sluss-openssl-'))
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: String(entry.data['publicKey']) }
    const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
    await writeFile(join(folder, 'key.pem'), pem)
    await writeFile(join(folder, 'text'), String(entry.data['text']))
    await writeFile(
      join(folder, 'signature'),
      Buffer.from(String(entry.data['signature']), 'base64url'),
    )
    const verify = () =>
      promisify(execFile)(
        'openssl',
        [
          'pkeyutl',
          '-verify',
          '-rawin',
          '-pubin',
          '-inkey',
          'key.pem',
          '-in',
          'text',
          '-sigfile',
          'signature',
        ],
        { cwd: folder },
      )
    assert.match((await verify()).stdout, /Verified Successfully/)
    await writeFile(join(folder, 'text'), `${String(entry.data['text'])} `)
    await assert.rejects(verify())
    await rm(folder, { recursive: true })
  })

  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    it(`P16 a passkey signs by ${algorithm} over the hash of the text, and that verifies offline`, async () => {
      const passkey = softwarePasskey(algorithm)
      await register(passkey)
      const requestId = await waiting()
      must(await approveByPasskey(requestId, passkey))
      const { json } = await entryOf(requestId)
      assert.equal(verifyApproval(json).why, 'the signature fits')
      assert.deepEqual(flippedPartsThatPass(json, verifyApproval), [])
    })
  }

  it('refuses a passkey that did not verify the person, at another origin, or over another text', async () => {
    const passkey = softwarePasskey()
    await register(passkey)
    const requestId = await waiting()
    for (const options of [
      { verified: false },
      { origin: 'https://localhost.example.org' },
      { rpId: 'example.org' },
    ])
      assert.equal(code(await approveByPasskey(requestId, passkey, options)), 'approval_signature')
    const { text, records } = must(await bench.support.textToSign(requestId, {}, as(approver)))
    const assertion = passkey.assert('AAAA')
    const signature = { kind: 'passkey' as const, keyId: passkey.id, assertion }
    assert.equal(
      code(await bench.support.approve(requestId, { text, records, signature }, as(approver))),
      'approval_signature',
    )
    must(await approveByPasskey(requestId, passkey))
  })

  it('P16 any one flipped bit of the entry is found', async () => {
    const { json } = await byKey()
    const bytes = Buffer.from(json)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.equal(verifyApproval(changed.toString('latin1')).valid, false, `bit ${bit}`)
    }
  })

  it('P16 any one flipped bit of text, signature or key is found by the signature, the digest made anew', async () => {
    const { json } = await byKey()
    assert.deepEqual(flippedPartsThatPass(json, verifyApproval), [])
  })

  it('finds an entry that says something else than what was signed', async () => {
    const { json } = await byKey()
    for (const member of ['request', 'case', 'grant', 'asker', 'approver']) {
      const entry = JSON.parse(json) as Parsed
      entry.data[member] = '00000000-0000-4000-8000-000000000000'
      assert.match(verifyApproval(remade(entry)).why, /than the text|by the approver/, member)
    }
    const late = JSON.parse(json) as Parsed
    late['at'] = '2030-01-02T00:00:00.000Z'
    assert.match(verifyApproval(remade(late)).why, /run out/)
    const more = JSON.parse(json) as Parsed
    more.data['note'] = 'also everything else'
    assert.match(verifyApproval(remade(more)).why, /other members/)
  })

  it('would notice verifiers that look at less: no signature, no challenge, no person', async () => {
    const { json } = await byKey()
    const trusting: Verify = () => ({ valid: true, why: 'trusted' })
    assert.notDeepEqual(flippedPartsThatPass(json, trusting), [])
    const formOnly: Verify = (text) => {
      const { why } = verifyApproval(text)
      return { valid: !/canonical|members|digest/.test(why), why }
    }
    assert.notDeepEqual(flippedPartsThatPass(json, formOnly), [])
  })
})

const remade = (entry: Parsed): string => canonicalJson(withDigest(entry) as Json)

/** Members of which one flipped bit passes the verifier, the digest having been made anew as a forger would. */
function flippedPartsThatPass(json: string, verify: Verify): string[] {
  const passing = new Set<string>()
  const { data } = JSON.parse(json) as Parsed
  for (const member of ['signature', 'publicKey', 'authenticatorData', 'clientDataJSON', 'text']) {
    const value = data[member]
    if (typeof value !== 'string') continue
    const encoding = member === 'text' ? 'utf8' : 'base64url'
    const bytes = Buffer.from(value, encoding)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const entry = JSON.parse(json) as Parsed
      entry.data[member] = changed.toString(encoding)
      if (verify(remade(entry)).valid) passing.add(member)
    }
  }
  return [...passing]
}
