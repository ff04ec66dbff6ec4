import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import type { EventProof, EventSource } from '#intake/event-source.ts'
import { isFromSender } from './verify-sender.ts'

type Check = typeof isFromSender

const body: Buffer = Buffer.from('{"topic":"mdm.Connect"}')
const hmac = (secret: string, of = body) => createHmac('sha256', secret).update(of).digest('base64')
const basic = (text: string) => `Basic ${btoa(text)}`

const CASES: readonly (readonly [EventProof, Record<string, string>, boolean])[] = [
  ['hmac-header', { 'x-hmac-signature': hmac('s3cret') }, true],
  ['hmac-header', { 'x-hmac-signature': hmac('wrong') }, false],
  ['hmac-header', { 'x-hmac-signature': hmac('s3cret', Buffer.from('other')) }, false],
  ['hmac-header', { 'x-hmac-signature': hmac('s3cret').slice(0, 40) }, false],
  ['hmac-header', { 'x-hmac-signature': hmac('') }, false],
  ['hmac-header', { 'x-hmac-signature': '' }, false],
  ['hmac-header', {}, false],
  ['hmac-header', { authorization: basic('sluss:s3cret') }, false],
  ['basic', { authorization: basic('sluss:s3cret') }, true],
  ['basic', { authorization: basic('anybody:s3cret') }, true],
  ['basic', { authorization: basic('sluss:s3cre') }, false],
  ['basic', { authorization: basic('sluss:s3cret:') }, false],
  ['basic', { authorization: basic('s3cret') }, false],
  ['basic', { authorization: 'Bearer s3cret' }, false],
  ['basic', { 'x-hmac-signature': hmac('s3cret') }, false],
  ['basic', {}, false],
]

/** Cases in which the check answers wrongly, or throws. */
function mistakes(check: Check): string[] {
  return CASES.flatMap(([proof, headers, expected], i) => {
    const source = { proof } as EventSource
    try {
      const came = check({ source, secret: 's3cret' }, (name) => headers[name], body)
      return came === expected ? [] : [`case ${i}`]
    } catch {
      return [`case ${i} throws`]
    }
  })
}

describe('who sends an event', () => {
  it('is known by the proof that the source asks for', () =>
    assert.deepEqual(mistakes(isFromSender), []))

  it('would notice a check that is wrong', () => {
    const twins: Record<string, Check> = {
      'does not look at the body': ({ secret }, header) =>
        header('x-hmac-signature') === hmac(secret) || header('authorization') !== undefined,
      'takes a beginning for the whole': ({ source, secret }, header, came) =>
        source.proof === 'hmac-header'
          ? hmac(secret, came).startsWith(header('x-hmac-signature') ?? 'none')
          : isFromSender({ source, secret }, header, came),
      'takes either proof': ({ secret }, header, came) =>
        (['hmac-header', 'basic'] as const).some((proof) =>
          isFromSender({ source: { proof } as EventSource, secret }, header, came),
        ),
      'takes no proof where there is no header': ({ source, secret }, header, came) =>
        (header('x-hmac-signature') ?? header('authorization')) === undefined ||
        isFromSender({ source, secret }, header, came),
    }
    for (const [name, twin] of Object.entries(twins)) assert.notDeepEqual(mistakes(twin), [], name)
  })
})
