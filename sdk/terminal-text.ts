import { stripVTControlCharacters } from 'node:util'

// Control characters, and those that turn the direction of what follows.
// oxlint-disable-next-line no-control-regex -- they are what must not reach the terminal
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
const graphemes = new Intl.Segmenter()

/** Foreign text for a terminal, by characters as one sees them: no control sequence gets through. */
function characters(text: string): string[] {
  const plain = stripVTControlCharacters(text).replace(unsafe, '�')
  return Array.from(graphemes.segment(plain), ({ segment }) => segment)
}

/** Foreign text, safe for a terminal and at most `width` characters long: its beginning, or with `keep` its end. */
export function terminalText(text: string, width: number, keep: 'start' | 'end' = 'start'): string {
  const all = characters(text)
  if (all.length <= width) return all.join('')
  return keep === 'start' ? `${all.slice(0, width - 1).join('')}…` : `…${all.slice(1 - width).join('')}`
}

/** The same in a column: cut or filled to exactly `width`. */
export function column(text: string, width: number): string {
  const cut = terminalText(text, width)
  return cut + ' '.repeat(width - characters(cut).length)
}
