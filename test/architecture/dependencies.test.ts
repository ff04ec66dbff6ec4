import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

describe('dependencies', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >
  const all = { ...dependencies, ...devDependencies }

  it('are each justified in docs/dependencies.md, and nothing else is', () => {
    const lines = read('docs/dependencies.md')
      .split('\n')
      .filter((line) => line.startsWith('- '))
    const named = lines.flatMap((line) =>
      [...(line.split(':')[0] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    )
    assert.deepEqual(named.toSorted(), Object.keys(all).toSorted())
  })

  it('are pinned exactly, and the lock file names no place', () => {
    for (const [name, version] of Object.entries(all))
      assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, name)
    assert.ok(!/"resolved": "https?:/.test(read('package-lock.json')))
  })
})
