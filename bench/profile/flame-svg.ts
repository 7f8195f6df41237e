import { deltaOf, type FlameNode } from '../../collector/ui/model/flame-tree.ts'

interface FlameSvgOptions {
  readonly title: string
  /** Below the title: how it was made. */
  readonly about: string
  /** Shows a value of a node: `12.3 ns`. */
  readonly format: (value: number) => string
}

const width = 1200
const rowHeight = 17
const head = 64
/** Narrower boxes are left out; their share stays visible as the gap above their parent. */
const leastWidth = 0.4
const letterWidth = 6.6

/**
 * A flame graph as one SVG file: callers below, callees on them, as wide as their share. Each box tells its name, place,
 * value and share when it is pointed at, and fills the width when it is clicked (a click on the ground resets). In a
 * difference a box is red where the function itself takes more than before, blue where less.
 */
export function flameSvg(root: FlameNode, options: FlameSvgOptions): string {
  const boxes: string[] = []
  const differs = root.was !== undefined
  const scale = width / (root.value || 1)
  let depth = 0
  const place = (node: FlameNode, left: number, level: number): void => {
    const boxWidth = node.value * scale
    if (boxWidth < leastWidth) return
    depth = Math.max(depth, level)
    boxes.push(box(node, root, { left, level, boxWidth, differs, format: options.format }))
    let at = left
    for (const child of node.children.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      place(child, at, level + 1)
      at += child.value * scale
    }
  }
  place(root, 0, 0)
  const height = head + (depth + 1) * rowHeight + 8
  const flipped = boxes.map((text) =>
    text.replace(/@(\d+)@/g, (_, level: string) => String(height - 8 - (Number(level) + 1) * rowHeight)),
  )
  const legend = differs
    ? 'Width: after. Red: itself more than before, blue: less; full colour at 3 % of the whole.'
    : 'Width: share of the whole. Point at a box for its value, click to fill the width.'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="monospace" font-size="11">
<title>${escape(options.title)}</title>
<rect id="ground" width="${width}" height="${height}" fill="#fff"/>
<text x="8" y="20" font-size="15" font-family="sans-serif" fill="#111">${escape(options.title)}</text>
<text x="8" y="37" font-family="sans-serif" fill="#444">${escape(options.about)}</text>
<text x="8" y="53" font-family="sans-serif" fill="#444">${legend}</text>
<g id="boxes">
${flipped.join('\n')}
</g>
<script><![CDATA[${zoom}]]></script>
</svg>
`
}

interface Placed {
  left: number
  level: number
  boxWidth: number
  differs: boolean
  format: (value: number) => string
}

function box(node: FlameNode, root: FlameNode, placed: Placed): string {
  const { left, level, boxWidth, differs, format } = placed
  const share = `${((100 * node.value) / (root.value || 1)).toFixed(2)} %`
  const ownChange = node.self - (node.was?.self ?? 0)
  const [change, own] = differs
    ? [deltaOf(node), ownChange].map((by) => ` (${signed(by, format)})`)
    : ['', '']
  const where = node.place === undefined ? '' : ` ${node.place}`
  const told = `${node.name}${where}: ${format(node.value)}${change}, ${share}; itself ${format(node.self)}${own}`
  const fill = differs ? changeColour(ownChange / (root.value || 1)) : colour(node)
  const text = shortened(node.name, boxWidth)
  return `<g data-x="${left.toFixed(2)}" data-w="${boxWidth.toFixed(2)}" data-l="${level}" data-n="${escape(node.name)}"><title>${escape(told)}</title><rect x="${left.toFixed(2)}" y="@${level}@" width="${boxWidth.toFixed(2)}" height="${rowHeight - 1}" rx="1" fill="${fill}"/>${
    text === ''
      ? ''
      : `<text x="${(left + 3).toFixed(2)}" y="@${level}@" dy="12" fill="#111">${escape(text)}</text>`
  }</g>`
}

function signed(by: number, format: (value: number) => string): string {
  return `${by < 0 ? '' : '+'}${format(by)}`
}

function shortened(name: string, boxWidth: number): string {
  const letters = Math.floor((boxWidth - 6) / letterWidth)
  if (letters < 3) return ''
  return name.length <= letters ? name : `${name.slice(0, letters - 1)}…`
}

/** Warm for functions, by their file, so that one file has one colour; grey for the engine of JavaScript itself. */
function colour({ name, place }: FlameNode): string {
  if (name.startsWith('(')) return '#c9c9c9'
  if (place === undefined || place.startsWith('node:')) return '#d8cfa8'
  let hash = 0
  for (const letter of place.split(':')[0]) hash = (hash * 31 + letter.charCodeAt(0)) % 997
  return `hsl(${8 + (hash % 44)} ${75 + (hash % 15)}% ${62 + (hash % 14)}%)`
}

function changeColour(share: number): string {
  const strength = Math.min(1, Math.abs(share) / 0.03)
  const light = (96 - 38 * strength).toFixed(0)
  return share === 0 ? '#f2f2f2' : `hsl(${share > 0 ? 4 : 215} 85% ${light}%)`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** Runs where the file is opened by itself, not where it is an image. */
const zoom = `
const boxes = [...document.querySelectorAll('#boxes > g')]
function show(from, width, level) {
  for (const g of boxes) {
    const x = +g.dataset.x, w = +g.dataset.w
    const under = +g.dataset.l <= level
    const inside = x >= from - 0.01 && x + w <= from + width + 0.01
    const holds = x <= from + 0.01 && x + w >= from + width - 0.01
    g.style.display = (under ? holds : inside) ? '' : 'none'
    const left = under ? 0 : (x - from) * ${width} / width
    const wide = under ? ${width} : w * ${width} / width
    const rect = g.querySelector('rect')
    rect.setAttribute('x', left)
    rect.setAttribute('width', wide)
    let text = g.querySelector('text')
    const letters = Math.floor((wide - 6) / ${letterWidth})
    if (!text && letters >= 3) {
      text = document.createElementNS('http://www.w3.org/2000/svg', 'text')
      text.setAttribute('y', rect.getAttribute('y'))
      text.setAttribute('dy', 12)
      g.append(text)
    }
    if (!text) continue
    const name = g.dataset.n
    text.setAttribute('x', left + 3)
    text.textContent = letters < 3 ? '' : name.length <= letters ? name : name.slice(0, letters - 1) + '\\u2026'
  }
}
for (const g of boxes) g.addEventListener('click', () => show(+g.dataset.x, +g.dataset.w, +g.dataset.l))
document.getElementById('ground').addEventListener('click', () => show(0, ${width}, 0))
`
