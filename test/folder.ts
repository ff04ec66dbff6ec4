import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A new folder for one suite, which removes it. Others may pass through it, so that a server started as root keeps its
 * data in it: in a folder of root alone they would go to a shared place, and stay there.
 */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `sluss-${name}-`))
  await chmod(folder, 0o711)
  return folder
}
