/** The word that differs least from `word`, if it differs by few letters (Levenshtein distance). */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(word.length / 5)) + 1
  for (const other of words) {
    const distance = distanceOf(word, other)
    if (distance < least) {
      least = distance
      best = other
    }
  }
  return best
}

function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = row[j] + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replaced, row[j + 1] + 1, next[j] + 1))
    }
    row = next
  }
  return row[b.length]
}
