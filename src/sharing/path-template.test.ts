import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fillPath, pathMatcher } from './path-template.ts'

describe('path with parameters', () => {
  const template = '/v1/{name=enterprises/*/devices/*}:issueCommand'
  const match = pathMatcher(template)

  it('reads what stands in the place of a parameter, decoded', () => {
    assert.deepEqual(match('/v1/enterprises/LC1/devices/a-b_c.d:issueCommand'), {
      name: 'enterprises/LC1/devices/a-b_c.d',
    })
    assert.deepEqual(match('/v1/enterprises/LC1/devices/%61:issueCommand'), {
      name: 'enterprises/LC1/devices/a',
    })
  })

  for (const path of [
    '/v1/enterprises/LC1/devices/a',
    '/v1/enterprises/LC1/devices/a:issueCommands',
    '/v1/enterprises/LC1/devices/a/b:issueCommand',
    '/v1/enterprises//devices/a:issueCommand',
    '/v1/enterprises/../devices/a:issueCommand',
    '/v1/enterprises/%2e%2e/devices/a:issueCommand',
    '/v1/enterprises/x%2Fy/devices/a:issueCommand',
    '/v1/enterprises/x%3Fy/devices/a:issueCommand',
    '/v1/enterprises/%ff/devices/a:issueCommand',
    '/v1/enterprises/x%00/devices/a:issueCommand',
    `/v1/enterprises/${'x'.repeat(201)}/devices/a:issueCommand`,
    '/V1/enterprises/x/devices/a:issueCommand',
  ]) {
    it(`P4 takes ${path.slice(0, 60)} for no such path`, () => {
      assert.equal(match(path), undefined)
    })
  }

  it('writes a path that it reads back the same, and none with a value missing', () => {
    const values = { name: 'enterprises/LC1/devices/a@b+c~1' }
    const path = fillPath(template, values)
    assert.deepEqual(match(path ?? ''), values)
    assert.equal(fillPath(template, {}), undefined)
    assert.equal(fillPath(template, { name: 7 }), undefined)
  })
})
