import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { policySetTextToParts } from '@cedar-policy/cedar-wasm/nodejs'
import { REFUSALS, type RefusalCode } from '#foundation/refusal.ts'

/** Policies by their `@id`, the refusal that each forbid stands for, and the schema they are written against. */
export interface PolicyTexts {
  readonly policies: Readonly<Record<string, string>>
  readonly refusals: Readonly<Record<string, RefusalCode>>
  readonly schema: string
}

/** Reads every `*.cedar` of a folder and its `schema.cedarschema`. @throws Error as `readPolicies` does */
export async function loadPolicies(folder: string): Promise<PolicyTexts> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cedar')).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return readPolicies(texts, await readFile(join(folder, 'schema.cedarschema'), 'utf8'))
}

/** @throws Error when a text does not parse, a policy has no id, two share one, or a forbid names no refusal */
export function readPolicies(texts: readonly string[], schema: string): PolicyTexts {
  const policies: Record<string, string> = {}
  const refusals: Record<string, RefusalCode> = {}
  for (const text of texts) {
    const parts = policySetTextToParts(text)
    if (parts.type === 'failure') {
      throw new Error(
        `policies do not parse: ${parts.errors.map((error) => error.message).join('; ')}`,
      )
    }
    for (const policy of parts.policies) {
      const id = annotation(policy, 'id')
      if (!id || id in policies)
        throw new Error(`every policy has an @id of its own; found ${id ?? 'none'}`)
      policies[id] = policy
      const refusal = annotation(policy, 'refusal')
      if (refusal && refusal in REFUSALS) refusals[id] = refusal as RefusalCode
      else if (/\bforbid\s*\(/.test(policy))
        throw new Error(`the forbid ${id} names no known refusal`)
    }
  }
  return { policies, refusals, schema }
}

function annotation(policy: string, name: string): string | undefined {
  return new RegExp(`@${name}\\("([^"]+)"\\)`).exec(policy)?.[1]
}
