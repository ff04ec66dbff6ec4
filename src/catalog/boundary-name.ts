/**
 * Whether a text names the on-premises product to which nothing is ever sent, in whichever spelling: as a party, as a
 * title, or as part of a host. Errs on the side of no: a party that is called nearly so has to be called otherwise.
 */
export function namesConfigurationManager(text: string): boolean {
  const plain = fold(text)
  const squeezed = readDigits(plain).replaceAll(/[^a-z0-9]/g, '')
  if (WHOLE.some((name) => squeezed.includes(name))) return true
  return wordsOf(plain).some((word) => SHORT.test(word))
}

const WHOLE = [
  'configurationmanager',
  'configmanager',
  'configmgr',
  'confmgr',
  'configurationmgr',
  'configurationsmanager',
  'systemcenter',
  'systemcentre',
  'systemsmanagementserver',
  'microsoftendpointmanager',
]
/** As a word of its own, with a number or a year behind it or not. */
const SHORT = /^(?:sccm|mecm|memcm|smscm|ccmexec|ccm|cmg)\d*$/

/** Letters that look like others, in the alphabets and digits that are used for that. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  а: 'a',
  с: 'c',
  ԁ: 'd',
  е: 'e',
  һ: 'h',
  і: 'i',
  ј: 'j',
  ӏ: 'l',
  м: 'm',
  о: 'o',
  р: 'p',
  ѕ: 's',
  т: 't',
  у: 'y',
  х: 'x',
  п: 'n',
  г: 'r',
  α: 'a',
  ε: 'e',
  η: 'n',
  ι: 'i',
  κ: 'k',
  μ: 'm',
  ν: 'v',
  ο: 'o',
  ρ: 'p',
  σ: 'o',
  τ: 't',
  υ: 'u',
  χ: 'x',
  ϲ: 'c',
  ı: 'i',
  ɡ: 'g',
  ո: 'n',
  օ: 'o',
  ѵ: 'v',
  ꜱ: 's',
  ᴄ: 'c',
  ᴍ: 'm',
}
const DIGITS: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
}

function fold(text: string): string {
  // Twice: some letters turn into others that look different when they are taken apart.
  const plain = readAlike(text.toLowerCase())
    .normalize('NFKD')
    .replaceAll(/\p{M}|\p{Cf}/gu, '')
    .toLowerCase()
  return readAlike(plain)
}

function readAlike(text: string): string {
  return [...text].map((character) => LOOKALIKES[character] ?? character).join('')
}

/** Words, and initials written apart (`S.C.C.M.`); with digits read as the letters that they stand for, too. */
function wordsOf(text: string): string[] {
  const words = text.split(/[^a-z0-9@$]+/).filter((word) => word !== '')
  const initials = text
    .replaceAll(/\b([a-z0-9])[^a-z0-9]+(?=[a-z0-9]\b)/g, '$1')
    .split(/[^a-z0-9]+/)
  const all = [...words, ...initials]
  return [...all, ...all.map(readDigits)]
}

function readDigits(word: string): string {
  return [...word].map((character) => DIGITS[character] ?? character).join('')
}
