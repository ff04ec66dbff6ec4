import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { request } from 'undici'
import { tilePath, tilesOf } from '#ledger/verify/tile.ts'

const LARGEST_TILE = 64 * 1024 * 256

/**
 * Downloads a log into a folder in the layout of C2SP tlog-tiles. Run again it keeps the full tiles that are there
 * already and fetches what is new. An older checkpoint is kept beside it as `checkpoint.older` outside the folder's
 * own log, for the caller to compare.
 *
 * @param url  the address of the log, such as `https://sluss.example/ledger/acme`
 * @returns the size of the log, and the checkpoint that was there before
 */
export async function downloadLedger(
  url: string,
  folder: string,
  token: string | undefined,
): Promise<{ size: number; older: string | undefined }> {
  const base = url.endsWith('/') ? url.slice(0, -1) : url
  const older = await readFile(join(folder, 'checkpoint'), 'utf8').catch(() => undefined)
  const checkpoint = (await fetchBytes(`${base}/checkpoint`, token)).toString()
  const size = Number(checkpoint.split('\n')[1])
  if (!Number.isSafeInteger(size) || size < 0)
    throw new Error('the address does not answer with a checkpoint')
  for (const { level, index, width } of tilesOf(size)) {
    const path = tilePath(level, index, width)
    const target = join(folder, path)
    if (width === 256 && (await readFile(target).catch(() => undefined))) continue
    await mkdir(dirname(target), { recursive: true })
    await replace(target, await fetchBytes(`${base}/${path}`, token))
  }
  await mkdir(folder, { recursive: true })
  await replace(join(folder, 'checkpoint'), Buffer.from(checkpoint))
  return { size, older }
}

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
