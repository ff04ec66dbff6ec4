import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { csvRow } from './csv.ts'

describe('a line of CSV', () => {
  it('ends as RFC 4180 says, and quotes what would break it', () => {
    assert.equal(csvRow(['a', '', 'b c']), 'a,,b c\r\n')
    assert.equal(csvRow(['a,b', 'say "x"', 'two\r\nlines']), '"a,b","say ""x""","two\r\nlines"\r\n')
  })

  it('holds no text that a spreadsheet would run as a formula', () => {
    for (const first of ['=', '+', '-', '@', '\t'])
      assert.equal(csvRow([`${first}1`]), `'${first}1\r\n`, JSON.stringify(first))
    assert.equal(csvRow(['\r1']), `"'\r1"\r\n`)
    assert.equal(csvRow(['=HYPERLINK("x"),y']), `"'=HYPERLINK(""x""),y"\r\n`)
    assert.equal(csvRow(['1=1', ' =1']), '1=1, =1\r\n')
  })

  it('leaves numbers and truth values as they are', () => {
    assert.equal(csvRow([-1.5, 0, true, '-1.5']), "-1.5,0,true,'-1.5\r\n")
  })
})
