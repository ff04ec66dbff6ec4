import type { Language } from '../terminal.ts'
import { EN, type WordKey, type WordTable } from './en.ts'
import { SV } from './sv.ts'

export const WORDS: Readonly<Record<Language, WordTable>> = { en: EN, sv: SV }

export type Say = (key: WordKey, values?: Readonly<Record<string, string | number>>) => string

export function sayIn(language: Language): Say {
  return (key, values = {}) =>
    WORDS[language][key].replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

/** What to do about a refusal of the server, where we know. */
export function hintFor(say: Say, code: string, id: string): string | undefined {
  const key = `hint_${code}`
  return Object.hasOwn(EN, key) ? say(key as WordKey, { id }) : undefined
}
