import { Bounds, PlistData, PlistFault, type PlistValue, timeOf, wholeNumber } from './value.ts'

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const WHOLE = /^[+-]?\d{1,39}$/
const REAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const TAG = /<(\/?)([A-Za-z]+)(?:\s[^<>]*?)?(\/?)>/y

interface Tag {
  readonly name: string
  readonly closes: boolean
  readonly empty: boolean
}

/**
 * Reads a property list in XML. Of XML it knows what property lists have: no document type of its own, so no
 * entities but the five of XML itself and character numbers.
 *
 * @throws PlistFault
 */
export function readXml(text: string): PlistValue {
  const reader = new Reader(text)
  const outer = reader.tag()
  if (outer.name !== 'plist' || outer.closes || outer.empty) throw new PlistFault('no plist')
  const value = reader.value(reader.tag(), 0)
  reader.expectEnd('plist')
  reader.skip()
  if (!reader.done()) throw new PlistFault('something after the end')
  return value
}

class Reader {
  readonly #text: string
  readonly #bounds = new Bounds()
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  done(): boolean {
    return this.#at === this.#text.length
  }

  value(tag: Tag, depth: number): PlistValue {
    this.#bounds.enter(depth)
    if (tag.closes) throw new PlistFault('an end without a beginning')
    switch (tag.name) {
      case 'true':
      case 'false':
        if (!tag.empty && this.#content(tag).trim() !== '') throw new PlistFault('not a word')
        return tag.name === 'true'
      case 'dict':
        return this.#dict(tag, depth)
      case 'array':
        return this.#array(tag, depth)
      default:
        return scalar(tag.name, tag.empty ? '' : this.#content(tag))
    }
  }

  #dict(tag: Tag, depth: number): PlistValue {
    const dict = new Map<string, PlistValue>()
    if (tag.empty) return dict
    for (;;) {
      const next = this.tag()
      if (next.closes && next.name === 'dict') return dict
      if (next.name !== 'key' || next.closes) throw new PlistFault('no key')
      const key = next.empty ? '' : this.#content(next)
      if (dict.has(key)) throw new PlistFault('a key twice')
      dict.set(key, this.value(this.tag(), depth + 1))
    }
  }

  #array(tag: Tag, depth: number): PlistValue {
    const list: PlistValue[] = []
    if (tag.empty) return list
    for (;;) {
      const next = this.tag()
      if (next.closes && next.name === 'array') return list
      list.push(this.value(next, depth + 1))
    }
  }

  tag(): Tag {
    this.skip()
    TAG.lastIndex = this.#at
    const found = TAG.exec(this.#text)
    if (!found) throw new PlistFault('no tag')
    this.#at = TAG.lastIndex
    return { name: found[2] ?? '', closes: found[1] === '/', empty: found[3] === '/' }
  }

  expectEnd(name: string): void {
    const tag = this.tag()
    if (!tag.closes || tag.name !== name) throw new PlistFault('no end')
  }

  /** The text of a leaf, up to and with its end. */
  #content({ name }: Tag): string {
    let content = ''
    for (;;) {
      const next = this.#text.indexOf('<', this.#at)
      if (next < 0) throw new PlistFault('no end')
      content += decoded(this.#text.slice(this.#at, next))
      this.#at = next
      if (this.#text.startsWith('<![CDATA[', next)) {
        const end = this.#after(']]>')
        content += this.#text.slice(next + 9, end - 3)
      } else if (this.#text.startsWith('<!--', next)) this.#after('-->')
      else {
        this.expectEnd(name)
        return content
      }
    }
  }

  /** White space, comments, the declaration, and a document type that declares nothing itself. */
  skip(): void {
    for (;;) {
      while (' \t\r\n'.includes(this.#text[this.#at] ?? 'end')) this.#at++
      if (this.#text.startsWith('<?', this.#at)) this.#after('?>')
      else if (this.#text.startsWith('<!--', this.#at)) this.#after('-->')
      else if (this.#text.startsWith('<!DOCTYPE', this.#at)) {
        const from = this.#at
        if (this.#text.slice(from, this.#after('>')).includes('['))
          throw new PlistFault('a document type of its own')
      } else return
    }
  }

  #after(mark: string): number {
    const found = this.#text.indexOf(mark, this.#at)
    if (found < 0) throw new PlistFault('no end')
    this.#at = found + mark.length
    return this.#at
  }
}

function scalar(name: string, content: string): PlistValue {
  switch (name) {
    case 'string':
      return content
    case 'integer': {
      const text = content.trim()
      if (!WHOLE.test(text)) throw new PlistFault('not a number')
      return wholeNumber(BigInt(text.replace('+', '')))
    }
    case 'real': {
      const text = content.trim()
      return REAL.test(text) ? Number(text) : Number.NaN
    }
    case 'date': {
      const text = content.trim()
      if (!TIME.test(text)) throw new PlistFault('not a time')
      return timeOf(Date.parse(text))
    }
    case 'data': {
      const dense = content.replace(/\s/g, '')
      if (!BASE64.test(dense)) throw new PlistFault('not base64')
      return new PlistData(Math.floor((dense.replace(/=/g, '').length * 3) / 4))
    }
    default:
      throw new PlistFault('a tag that has no place here')
  }
}

function decoded(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&([^;&]{0,8};?)/g, (_, name: string) => {
    const bare = name.endsWith(';') ? name.slice(0, -1) : 'none'
    if (Object.hasOwn(NAMED, bare)) return NAMED[bare] ?? ''
    const number = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(bare)
    const code = number ? Number.parseInt(number[1] ?? number[2] ?? '', number[1] ? 16 : 10) : -1
    if (code < 1 || code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff))
      throw new PlistFault('an entity that is none')
    return String.fromCodePoint(code)
  })
}
