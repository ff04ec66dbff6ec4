import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { request } from 'undici'
import { tilePath, tilesOf } from '#ledger/verify/tile.ts'

const LARGEST_TILE = 64 * 1024 * 256

/**
 * Downloads a log into a folder in the layout of C2SP tlog-tiles. Run again it keeps the full tiles that are there
 * already and fetches what is new. What was there stays as evidence: the checkpoint before as `checkpoint.<size>`,
 * the parts of tiles as they were; `verifyFolder` holds the log of now to them.
 *
 * @param url  the address of the log, such as `https://sluss.example/ledger/acme`
 * @returns the size of the log
 * @throws Error when the log shows another head of a size that is here already: it has forked, and nothing is replaced
 */
export async function downloadLedger(
  url: string,
  folder: string,
  token: string | undefined,
): Promise<{ size: number }> {
  const base = url.endsWith('/') ? url.slice(0, -1) : url
  const older = await readFile(join(folder, 'checkpoint'), 'utf8').catch(() => undefined)
  const checkpoint = (await fetchBytes(`${base}/checkpoint`, token)).toString()
  const size = sizeOf(checkpoint)
  if (!Number.isSafeInteger(size) || size < 0)
    throw new Error('the address does not answer with a checkpoint')
  const sameSize = older !== undefined && sizeOf(older) === size
  if (sameSize && bodyOf(older) !== bodyOf(checkpoint))
    throw new Error('the log shows another head of the same size than before: it has forked')
  for (const { level, index, width } of tilesOf(size)) {
    const path = tilePath(level, index, width)
    const target = join(folder, path)
    if (width === 256 && (await readFile(target).catch(() => undefined))) continue
    await mkdir(dirname(target), { recursive: true })
    await replace(target, await fetchBytes(`${base}/${path}`, token))
  }
  await mkdir(folder, { recursive: true })
  if (older !== undefined && !sameSize)
    await replace(join(folder, `checkpoint.${sizeOf(older)}`), Buffer.from(older))
  await replace(join(folder, 'checkpoint'), Buffer.from(checkpoint))
  return { size }
}

const sizeOf = (checkpoint: string): number => Number(checkpoint.split('\n')[1])
/** The signed part; signatures may be added to. */
const bodyOf = (checkpoint: string): string => checkpoint.split('\n\n')[0] ?? ''

async function fetchBytes(url: string, token: string | undefined): Promise<Buffer> {
  const { statusCode, body } = await request(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
  })
  const bytes = Buffer.from(await body.arrayBuffer())
  if (statusCode !== 200) throw new Error(`${new URL(url).pathname} is answered with ${statusCode}`)
  if (bytes.length > LARGEST_TILE) throw new Error('an answer is larger than any tile')
  return bytes
}

async function replace(path: string, bytes: Buffer): Promise<void> {
  await writeFile(`${path}.new`, bytes)
  await rename(`${path}.new`, path)
}
