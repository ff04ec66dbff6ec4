import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readDeliveryReport } from './delivery-report.ts'

interface Shape {
  readonly action?: string
  readonly status?: string
  readonly envelope?: string | undefined
  readonly quoted?: string
  readonly type?: string
  readonly encoding?: string
  readonly statusBody?: string
}

/** A report in the shape that RFC 3464, appendix E.1 shows. */
function report(shape: Shape = {}): string {
  const { action = 'failed', status = '5.1.1', envelope, quoted, encoding } = shape
  const body =
    shape.statusBody ??
    [
      'Reporting-MTA: dns; mx.example.org',
      ...(envelope === undefined ? [] : [`Original-Envelope-Id: ${envelope}`]),
      '',
      'Original-Recipient: rfc822;alva@example.org',
      'Final-Recipient: rfc822;alva@example.org',
      `Action: ${action}`,
      `Status: ${status}`,
      'Diagnostic-Code: smtp; 550 5.1.1 no such mailbox',
      '',
    ].join('\r\n')
  return [
    'From: MAILER-DAEMON@example.org',
    'To: notices@sluss.example.org',
    'Subject: Undelivered',
    `Content-Type: ${shape.type ?? 'multipart/report; report-type=delivery-status;'}`,
    '\tboundary="b1=_x"',
    '',
    '--b1=_x',
    'Content-Type: text/plain',
    '',
    'Action: delivered',
    'Status: 2.0.0',
    '--b1=_x',
    'Content-Type: message/delivery-status',
    ...(encoding === undefined ? [] : [`Content-Transfer-Encoding: ${encoding}`]),
    '',
    encoding === 'base64' ? Buffer.from(body).toString('base64') : body,
    '--b1=_x',
    'Content-Type: text/rfc822-headers',
    '',
    'Message-ID: <x@example.org>',
    ...(quoted === undefined ? [] : [`X-Envelope-Id:\r\n ${quoted}`]),
    '',
    '--b1=_x--',
    '',
  ].join('\r\n')
}
const read = (shape: Shape) => readDeliveryReport(Buffer.from(report(shape)))

describe('a delivery report', () => {
  it('says which mail failed and how, by envelope id or by the headers it quotes', () => {
    assert.deepEqual(read({ envelope: 'acme.abc' }), {
      envelopeId: 'acme.abc',
      action: 'failed',
      status: '5.1.1',
    })
    assert.equal(read({ quoted: 'acme.def' })?.envelopeId, 'acme.def')
    assert.equal(read({ envelope: 'acme.abc', encoding: 'base64' })?.envelopeId, 'acme.abc')
    assert.equal(read({ action: 'Delayed', status: '4.4.1' })?.action, 'delayed')
    assert.equal(read({})?.envelopeId, undefined)
  })

  it('takes the worst of several recipients', () => {
    const statusBody =
      'Reporting-MTA: dns; mx\n\nAction: delivered\nStatus: 2.0.0\n\nAction: failed\nStatus: 5.2.2 (full)\n'
    const found = read({ statusBody })
    assert.deepEqual([found?.action, found?.status], ['failed', '5.2.2'])
  })

  it('is nothing else: no holiday reply, no complaint, nothing malformed, nothing of another part', () => {
    assert.equal(read({ type: 'multipart/mixed;' }), undefined)
    assert.equal(read({ action: 'exploded' }), undefined)
    assert.equal(read({ status: 'no' }), undefined)
    assert.equal(
      readDeliveryReport(Buffer.from('Subject: I am away\r\n\r\nAction: failed')),
      undefined,
    )
    assert.equal(readDeliveryReport(Buffer.alloc(300_000, 65)), undefined)
    const feedback = report().replace('message/delivery-status', 'message/feedback-report')
    assert.equal(readDeliveryReport(Buffer.from(feedback)), undefined)
  })

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.nat(1_500), fc.nat(1_500), fc.string(), (from, length, junk) => {
        const whole = report({ envelope: 'acme.abc' })
        readDeliveryReport(Buffer.from(whole.slice(0, from) + junk + whole.slice(from + length)))
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})
