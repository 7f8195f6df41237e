import { stripVTControlCharacters } from 'node:util'

/** Foreign text for a terminal: no control sequence gets through, and it is at most `width` characters long. */
export function terminalText(text: string, width: number): string {
  // oxlint-disable-next-line no-control-regex -- they are what must not reach the terminal
  const plain = stripVTControlCharacters(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    '�',
  )
  const characters = [...plain]
  return characters.length <= width ? plain : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`
}

/** The same in a column: cut or filled to exactly `width`. */
export function column(text: string, width: number): string {
  const cut = terminalText(text, width)
  return cut + ' '.repeat(Math.max(0, width - [...cut].length))
}
