import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from '../../test/folder.ts'
import { zip } from './export-zip.ts'

async function* text(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

const READ = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    print(json.dumps({n: z.read(n).decode() for n in z.namelist()}))
`

describe('an archive that is written while it is made', () => {
  it('is read by another program, names and empty files and all', async (t) => {
    const folder = await temporaryFolder('zip')
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'archive.zip')
    const files = [
      { name: 'data.json', content: text('{"a":', '1}') },
      { name: 'läsbar.html', content: text('å'.repeat(100_000)) },
      { name: 'empty.csv', content: text() },
    ]
    await writeFile(path, await bytesOf(zip(files)))
    const python = await promisify(execFile)('python3', ['-c', READ, path]).catch(
      (fault: { code?: string }) => (fault.code === 'ENOENT' ? undefined : Promise.reject(fault)),
    )
    if (!python) return t.skip('there is no python3 to read it with')
    assert.deepEqual(JSON.parse(python.stdout), {
      'data.json': '{"a":1}',
      'läsbar.html': 'å'.repeat(100_000),
      'empty.csv': '',
    })
  })

  it('passes on that a file of it failed, and does not end as if it were whole', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield 'half'
      throw new Error('the database is gone')
    }
    await assert.rejects(bytesOf(zip([{ name: 'a', content: broken() }])), /database is gone/)
  })

  it('asks for no more than is taken', async () => {
    let made = 0
    async function* endless(): AsyncGenerator<string> {
      for (;;) yield `${made++} ${'x'.repeat(10_000)}${Math.sin(made)}`
    }
    const stream = zip([{ name: 'a', content: endless() }])
    for (let i = 0; i < 3; i++) await stream.next()
    const before = made
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(made - before < 200, `${made - before} pieces were made that nobody took`)
    await stream.return(undefined)
  })
})
